import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest

from domain import EVENTS
from domain.model import Event
from domain.values import Name
from infra.ledger import Head, Row
from infra.mapper import Mapper, Stored
from infra.published import PREFIX, Published, origin, pack, unpack
from tests.contracts.keyring import LEDGER, ExampleKeys
from verifier import Event as Verifiable
from verifier import History, genesis, leaf, link, verify

FOLDER = Path(__file__).parent / "stored_events"
FILES = sorted(FOLDER.glob("*.json"))


def load(file: Path) -> Stored:
    told = json.loads(file.read_text(encoding="utf-8"))
    return Stored(UUID(told["originator_id"]), told["originator_version"], told["topic"], told["state"].encode())


def row_of(stored: Stored) -> Row:
    return Row(7, datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), b"\x07" * 32, stored)


def message(stored: Stored) -> Published:
    return pack(row_of(stored), Head(LEDGER, 1, 9, b""))


@pytest.fixture
def mapper() -> Mapper:
    return Mapper(LEDGER, ExampleKeys())


def test_every_topic_has_a_stored_example_of_its_present_shape() -> None:
    wanted = {f"{topic}@{kind.SCHEMA_VERSION}" for topic, kind in EVENTS.items()}
    assert wanted <= {file.stem for file in FILES}


def test_no_example_was_ever_changed_or_taken_away() -> None:
    """A changed shape is a new `schema_version` with an upcast, or a new topic; never another example in its place."""
    kept = dict(line.split("  ")[::-1] for line in (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines())
    assert {file.name: sha256(file.read_bytes()).hexdigest() for file in FILES} == kept


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_was_ever_stored_loads(file: Path, mapper: Mapper) -> None:
    stored = load(file)
    event, envelope = mapper.decode(stored)
    assert f"{stored.topic}@{envelope.schema_version}" == file.stem
    assert type(event) is EVENTS[stored.topic]


@pytest.mark.parametrize("topic", sorted(EVENTS))
def test_the_present_shape_is_written_as_the_same_bytes_again(topic: str, mapper: Mapper) -> None:
    stored = load(FOLDER / f"{topic}@{EVENTS[topic].SCHEMA_VERSION}.json")
    assert mapper.encode(*mapper.decode(stored)) == stored


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_was_ever_stored_verifies_and_has_a_subject(file: Path) -> None:
    stored = load(file)
    event = Verifiable(1, 0, stored.originator_id.bytes, 1, stored.topic, stored.state, b"")
    chain = link(genesis(LEDGER), leaf(LEDGER.bytes, event))
    verify(History(LEDGER, 1, chain, [event._replace(chain=chain)]))
    envelope = json.loads(stored.state)["envelope"]
    subject = message(stored).subject
    aggregate, _, name = stored.topic.partition(".")
    assert subject.startswith(f"{PREFIX}.{envelope['organization']}.{aggregate}.{stored.originator_id}.{name}")


class Retitled(Event):
    """What `project.renamed` would be, were its `name` called `title` one day."""

    TOPIC: ClassVar[str] = "project.renamed"
    SCHEMA_VERSION: ClassVar[int] = 2
    previous: Name
    title: Name

    @classmethod
    def upcast(cls, data: dict[str, Any], schema_version: int) -> dict[str, Any]:
        return data if schema_version >= 2 else {"previous": data["previous"], "title": data["name"]}


def test_an_older_shape_is_turned_into_the_present_one(mapper: Mapper, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = load(FOLDER / "project.renamed@1.json")
    monkeypatch.setitem(EVENTS, "project.renamed", Retitled)
    event, envelope = mapper.decode(stored)
    assert isinstance(event, Retitled)
    assert (envelope.schema_version, event.previous, event.title) == (1, "Цифры 🙂", "Digits")


def test_the_newer_shape_is_stored_under_its_own_version(mapper: Mapper, monkeypatch: pytest.MonkeyPatch) -> None:
    old, envelope = mapper.decode(load(FOLDER / "project.renamed@1.json"))
    monkeypatch.setitem(EVENTS, "project.renamed", Retitled)
    new = Retitled(
        originator_id=old.originator_id, originator_version=2, timestamp=old.timestamp, previous="a", title="b"
    )
    stored = mapper.encode(new, envelope.model_copy(update={"schema_version": 2}))
    assert mapper.decode(stored)[0] == new
    assert json.loads(stored.state)["data"] == {"previous": "a", "title": "b"}


def test_a_message_of_a_training_says_its_framework_last() -> None:
    for topic in ("training_job.requested", "training_job.requeued"):
        assert message(load(FOLDER / f"{topic}@1.json")).subject.endswith(f".{topic.partition('.')[2]}.timm")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_message_reads_back_as_the_row_it_was_made_of(file: Path) -> None:
    stored = load(file)
    packed = message(stored)
    assert unpack(packed) == row_of(stored)
    assert origin(packed) == (str(LEDGER), "1")
    assert all(value.isascii() for value in packed.headers.values())
