"""Whatever is asked in whatever order, with whatever text: invariants hold, and what is stored loads."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from commands import HANDLERS
from commands.access import Caller, Command
from domain.errors import DomainError
from domain.membership import Membership, membership_id
from domain.model import SYSTEM
from domain.organization import Organization
from domain.roles import Role
from domain.training import OVER
from domain.training_job import TrainingJob
from infra.unit import Errand, Unit
from tests.commands.conftest import ACME, ANN, BEN, ann, ben, eve, register
from tests.spec import NOBODY, Spec

IDS = st.sampled_from([UUID(int=n) for n in range(1, 6)] + [membership_id(ACME, ANN), membership_id(ACME, BEN)])
HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["\x00", "\ud800", "a\nb", "🙂" * 50, "‮שלום", "<b>&amp;", "'; DROP TABLE", "x" * 20_000, ""]),
)
CALLERS = st.sampled_from(
    [ann, ben, eve, NOBODY, Caller(kind="system", id=SYSTEM)]
    + [Caller(kind="worker", id=UUID(int=41), framework="timm", job_id=UUID(int=n), attempt=1) for n in (1, 2)]
)


def _value(annotation: Any, name: str) -> st.SearchStrategy[Any]:
    if annotation in (UUID, UUID | None):
        return IDS
    if name == "attempt":
        return st.integers(0, 3)
    return st.one_of(HOSTILE, st.integers(-5, 2**60), st.floats(), st.just({}), st.just("timm"), st.just("tiny"))


def wishes() -> st.SearchStrategy[tuple[Caller, type[Command], dict[str, Any]]]:
    def of(kind: type[Command]) -> st.SearchStrategy[dict[str, Any]]:
        fields = kind.model_fields
        need = {name: _value(field.annotation, name) for name, field in fields.items() if field.is_required()}
        may = {name: _value(field.annotation, name) for name, field in fields.items() if not field.is_required()}
        return st.fixed_dictionaries(need, optional=may)

    kinds = st.sampled_from(list(HANDLERS))
    return kinds.flatmap(lambda kind: st.tuples(CALLERS, st.just(kind), of(kind)))


def attempt(spec: Spec, caller: Caller, kind: type[Command], fields: dict[str, Any]) -> None:
    try:
        command = kind.model_validate(fields)
    except ValidationError:
        return
    with suppress(DomainError):
        spec.by(caller).do(command)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(wishes(), max_size=25))
def test_any_sequence_of_commands_leaves_the_invariants_whole(
    history: list[tuple[Caller, type[Command], dict[str, Any]]],
) -> None:
    spec = Spec().by(NOBODY)
    spec.given(register(ANN, "ann"), register(BEN, "ben"), register(eve.id, "eve", "Evil", "Corp"))
    for caller, kind, fields in history:
        attempt(spec, caller, kind, fields)
    assert [row.position for row in spec.ledger.rows] == list(range(1, len(spec.ledger.rows) + 1))
    assert len(spec.events()) == len(spec.ledger.rows)
    unit = Unit(spec.ledger, spec.mapper, Errand(Caller(kind="system", id=SYSTEM), spec.now, UUID(int=1)))
    _the_organization_is_whole(unit)
    _replay_gives_the_same_state(spec)


def _the_organization_is_whole(unit: Unit) -> None:
    organization = unit.get(Organization, ACME)
    assert organization.admins
    for person in (ANN, BEN):
        membership = unit.get(Membership, membership_id(ACME, person))
        assert (membership.role is Role.ADMIN) == (person in organization.admins)
        assert (membership.role is not None) == (person in organization.seats)


def _replay_gives_the_same_state(spec: Spec) -> None:
    ids = {row.stored.originator_id for row in spec.ledger.rows}
    for id in ids:
        once, twice = (_replayed(spec, id) for _ in range(2))
        assert once == twice
        if isinstance(once, TrainingJob) and once.status in OVER:
            ends = {"completed", "failed", "cancelled"}
            topics = [stored.topic.partition(".")[2] for stored in spec.ledger.events_of(id)]
            assert sum(topic in ends for topic in topics) == 1


def _replayed(spec: Spec, id: UUID) -> Any:
    aggregate = None
    for stored in spec.ledger.events_of(id):
        aggregate = spec.mapper.decode(stored)[0].mutate(aggregate)
    return aggregate
