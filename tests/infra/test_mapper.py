import base64
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
import rfc8785
from cryptography.exceptions import InvalidTag

from domain.model import Actor, Client, Envelope
from domain.person import Person
from domain.project import Project
from domain.training import Evidence
from domain.training_job import TrainingJob
from domain.values import Erased
from infra.mapper import Mapper, StateTooLarge, Stored
from tests.doubles import MemoryKeys

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LEDGER, ANN, BEN = UUID(int=9), UUID(int=1), UUID(int=2)
ENVELOPE = Envelope(
    schema_version=1,
    event=UUID(int=3),
    ledger=LEDGER,
    organization="platform",
    actor=Actor(kind="person", id=ANN),
    command=UUID(int=4),
    correlation=UUID(int=4),
    context=Client(address="192.0.2.1", agent="curl ✓"),
    decided_at=NOW,
)


def registered(id: UUID = ANN) -> Person.Registered:
    person = Person.register(id, "ann@example.org", "Ann Ångström", "red-fox-1", UUID(int=5), NOW)
    event = person.pending_events[0]
    assert isinstance(event, Person.Registered)
    return event


@pytest.fixture
def keys() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
def mapper(keys: MemoryKeys) -> Mapper:
    return Mapper(LEDGER, keys)


def moved(stored: Stored, *path: str, of: Stored) -> bytes:
    """The state of `stored` with one sealed field taken from another place."""
    state, other = json.loads(stored.state), json.loads(of.state)
    state[path[0]][path[-1]] = other[path[0]][path[1]]
    return rfc8785.dumps(state)


def test_an_event_reads_back_as_it_was(mapper: Mapper) -> None:
    assert mapper.decode(mapper.encode(registered(), ENVELOPE)) == (registered(), ENVELOPE)


def test_bytes_are_canonical(mapper: Mapper) -> None:
    state = mapper.encode(registered(), ENVELOPE).state
    assert rfc8785.dumps(json.loads(state)) == state


def test_nothing_personal_is_in_the_bytes(mapper: Mapper) -> None:
    state = mapper.encode(registered(), ENVELOPE).state
    for secret in ("ann@", "example", "ngstr", "192.0.2", "curl"):
        assert secret.encode() not in state
        assert base64.b64encode(secret.encode()).rstrip(b"=") not in state


def test_an_erased_person_leaves_an_event_that_loads(mapper: Mapper, keys: MemoryKeys) -> None:
    stored = mapper.encode(registered(), ENVELOPE)
    keys.erase(ANN)
    event, envelope = mapper.decode(stored)
    assert isinstance(event, Person.Registered)
    assert (event.email, event.full_name, event.avatar_name) == (Erased(), Erased(), "red-fox-1")
    assert envelope.context == Erased()
    assert envelope.actor == ENVELOPE.actor


def test_an_event_about_an_erased_person_can_still_be_stored(mapper: Mapper, keys: MemoryKeys) -> None:
    keys.erase(ANN)
    event, envelope = mapper.decode(mapper.encode(registered(), ENVELOPE))
    assert isinstance(event, Person.Registered)
    assert (event.email, envelope.context) == (Erased(), Erased())


def test_a_sealed_field_is_good_in_its_own_place_only(mapper: Mapper) -> None:
    ann, ben = mapper.encode(registered(), ENVELOPE), mapper.encode(registered(BEN), ENVELOPE)
    for state in (
        moved(ann, "data", "full_name", "email", of=ann),
        moved(ann, "data", "email", of=mapper.encode(registered(BEN), ENVELOPE)),
    ):
        with pytest.raises(InvalidTag):
            mapper.decode(ann._replace(state=state))
    with pytest.raises(InvalidTag):
        mapper.decode(ben._replace(originator_id=ANN))


def test_a_changed_ciphertext_is_noticed(mapper: Mapper) -> None:
    stored = mapper.encode(registered(), ENVELOPE)
    state = json.loads(stored.state)
    sealed = bytearray(base64.b64decode(state["data"]["email"]["ciphertext"]))
    sealed[0] ^= 1
    state["data"]["email"]["ciphertext"] = base64.b64encode(bytes(sealed)).decode()
    with pytest.raises(InvalidTag):
        mapper.decode(stored._replace(state=rfc8785.dumps(state)))


def test_an_event_that_is_too_large_is_refused(mapper: Mapper) -> None:
    lines = tuple("🙂" * 500 for _ in range(50))
    evidence = Evidence(reason="code_error", message="🙂" * 10_000, exit_code=5, last_lines=lines)
    metrics = {f"{n} {'🙂' * 900}": 1.0 for n in range(200)}
    small = TrainingJob.Failed(originator_id=ANN, originator_version=2, timestamp=NOW, attempt=1, evidence=evidence)
    large = TrainingJob.EpochCompleted(
        originator_id=ANN, originator_version=2, timestamp=NOW, attempt=1, epoch=1, epochs=1, metrics=metrics, seconds=1
    )
    mapper.encode(small, ENVELOPE)
    with pytest.raises(StateTooLarge, match="262144"):
        mapper.encode(large, ENVELOPE)


def test_numbers_survive(mapper: Mapper) -> None:
    metrics = {"a": 0.1, "b": 1e-300, "c": 1.0, "d": "NaN", "e": -0.0, "f": 1e21, "g": 5e-324}
    event = TrainingJob.EpochCompleted(
        originator_id=ANN, originator_version=2, timestamp=NOW, attempt=1, epoch=1, epochs=1, metrics=metrics, seconds=0
    )
    assert mapper.decode(mapper.encode(event, ENVELOPE))[0] == event


def test_any_alphabet_survives(mapper: Mapper) -> None:
    renamed = Project.Renamed(
        originator_id=ANN, originator_version=2, timestamp=NOW, previous="שלום‏ 🧱", name="\U0001f9ec ünï ﬁ"
    )
    assert mapper.decode(mapper.encode(renamed, ENVELOPE))[0] == renamed
