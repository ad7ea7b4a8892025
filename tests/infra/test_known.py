import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.membership import ChangeRole
from commands.project import CreateProject, RenameProject
from domain.membership import GuestOwnsAProject, Membership, membership_id
from domain.person import Person
from domain.project import Project
from domain.roles import Role
from domain.second_factor import SecondFactor
from domain.security_policy import SecurityPolicy
from infra import known
from infra.known import Known, good_until
from infra.ledger import NOW
from infra.mapper import Mapper, Stored
from infra.unit import Errand, Unit
from tests.commands.conftest import ACME, ANN, BEN, CAT, ann, approve, ben, register, verify
from tests.commands.test_api_token import NIGHTLY, nightly
from tests.commands.test_session import OTHER, again
from tests.doubles import MemoryLedger
from tests.spec import START, Spec

DIGITS = UUID(int=7)


class Counting(Mapper):
    """Counts what is decoded to be read, not what is read back while it is written."""

    decoded = 0

    def decode(self, stored: Stored) -> Any:
        self.decoded += 1
        return super().decode(stored)


@pytest.fixture
def spec() -> Spec:
    """Ann is the admin of Acme, Ben a member; Ann's project was renamed often."""
    spec = Spec().given(register(ANN, "ann"), register(BEN, "ben"), verify(ANN), verify(BEN)).by(ann)
    spec.given(approve(BEN, Role.ENGINEER_II), CreateProject(project_id=DIGITS, name="digits"))
    return spec.given(*(RenameProject(project_id=DIGITS, name=f"digits {n}") for n in range(20)))


def unit(spec: Spec, mapper: Mapper, known: Known) -> Unit:
    return Unit(spec.ledger, mapper, Errand(caller=ann, now=START, command_id=uuid7()), known=known)


def test_what_is_known_is_not_decoded_again_but_what_happened_since_is(spec: Spec) -> None:
    counting, shared = Counting(spec.ledger.ledger, spec.keys), Known()
    assert unit(spec, counting, shared).get(Project, DIGITS).version == 21
    assert counting.decoded == 21
    spec.given(RenameProject(project_id=DIGITS, name="by another process"))
    assert unit(spec, counting, shared).get(Project, DIGITS).name == "by another process"
    assert counting.decoded == 22


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("credential", [{}, {"session_id": OTHER}, {"token_id": NIGHTLY}])
def test_whom_a_request_is_judged_by_and_what_it_is_about_come_in_one_reading(
    spec: Spec, credential: dict[str, UUID], strict: bool
) -> None:
    spec.given(again(OTHER), nightly)
    policy, factor = SecurityPolicy.begin(ACME, START), SecondFactor.begin(ANN, ACME, START)
    policy.require_second_factor(strict, START)
    factor.turn_on(ACME, START)
    before = unit(spec, spec.mapper, Known())
    before.actor = ann.acting(Role.ADMIN)
    before.save(policy, factor)
    readings: list[int] = []

    class Watched(MemoryLedger):
        def events_of_each(self, after: Mapping[UUID, int], limit: int, upto: int = NOW) -> dict[UUID, list[Stored]]:
            readings.append(len(after))
            return spec.ledger.events_of_each(after, limit, upto)

    asking = ann.model_copy(update=credential)
    errand = Errand(caller=asking, now=START, command_id=uuid7())
    shared = Known()
    shared.note_verified(ANN)
    store = Unit(Watched(spec.ledger.ledger), spec.mapper, errand, known=shared)
    rename = RenameProject(project_id=DIGITS, name="digits")
    assert rename.ACCESS.admit(rename, asking, store).role == Role.ADMIN
    assert store.get(Project, DIGITS).name == "digits 19"
    first = 5  # the project, the membership, whether it is closed, what the organization asks, and that
    assert readings == [first + len(credential)]


def test_what_was_only_looked_ahead_at_is_not_asserted(spec: Spec) -> None:
    unit = Unit(spec.ledger, spec.mapper, Errand(caller=ben, now=START, command_id=uuid7()))
    unit.actor = ben.acting(Role.ENGINEER_II)
    unit.look_ahead(DIGITS, membership_id(ACME, BEN))
    unit.get(Membership, membership_id(ACME, BEN))
    spec.given(RenameProject(project_id=DIGITS, name="by somebody else"))
    assert unit.note(DIGITS).id == DIGITS


@pytest.mark.parametrize("at_once", [1, 7, 21, 22])
def test_a_long_history_is_read_whole_though_never_at_once(
    spec: Spec, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.unit.MOST_AT_ONCE", at_once)
    project = unit(spec, spec.mapper, Known()).get(Project, DIGITS)
    assert (project.version, project.name) == (21, "digits 19")


def test_a_role_that_another_process_took_away_is_gone_at_once(spec: Spec) -> None:
    here, elsewhere = spec.dispatch, replace(spec.dispatch, known=Known())
    spec.by(ben).given(CreateProject(project_id=uuid7(), name="mine"))
    spec.dispatch = elsewhere
    spec.by(ann).given(ChangeRole(membership_id=membership_id(ACME, BEN), role=Role.GUEST))
    spec.dispatch = here
    spec.by(ben).when(CreateProject(project_id=uuid7(), name="not mine")).then_refused(GuestOwnsAProject)


def test_what_a_command_does_to_an_aggregate_is_not_known_before_it_is_stored(spec: Spec) -> None:
    shared = Known()
    unit(spec, spec.mapper, shared).get(Project, DIGITS).rename("never saved", START)
    assert unit(spec, spec.mapper, shared).get(Project, DIGITS).name == "digits 19"


def test_nothing_about_a_person_is_kept(spec: Spec) -> None:
    shared = Known()
    unit(spec, spec.mapper, shared).get(Person, ANN)
    assert shared.get(ANN) is None


def test_whose_address_is_verified_is_read_once_and_who_has_not_verified_it_each_time(spec: Spec) -> None:
    spec.given(register(CAT, "cat"))
    counting, shared = Counting(spec.ledger.ledger, spec.keys), Known()
    assert [unit(spec, counting, shared).is_verified(ANN) for _ in range(3)] == [True] * 3
    assert counting.decoded == len(spec.ledger.events_of(ANN))
    assert not unit(spec, counting, shared).is_verified(CAT)
    spec.given(verify(CAT))
    assert unit(spec, counting, shared).is_verified(CAT)


def test_what_became_so_since_is_not_so_at_an_earlier_position(spec: Spec) -> None:
    shared, before = Known(), len(spec.ledger.rows)
    spec.given(register(CAT, "cat"), verify(CAT))
    assert unit(spec, spec.mapper, shared).is_verified(CAT)
    assert not replace(unit(spec, spec.mapper, shared), upto=before + 1).is_verified(CAT)


def test_how_many_are_known_to_be_verified_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST_VERIFIED", 2)
    shared, people = Known(), [uuid7() for _ in range(3)]
    for person in people:
        shared.note_verified(person)
    assert [shared.is_verified(person) for person in people] == [False, False, True]


def test_what_is_kept_is_bounded_in_number_and_in_age(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Known()
    monkeypatch.setattr(known, "MOST", 2)
    project = unit(spec, spec.mapper, shared).get(Project, DIGITS)
    assert shared.get(DIGITS)
    for other in (uuid7(), uuid7()):
        spec.given(CreateProject(project_id=other, name="other"))
        unit(spec, spec.mapper, shared).get(Project, other)
    assert shared.get(DIGITS) is None
    shared.keep(project, until=time.monotonic() - 0.001)
    assert shared.get(DIGITS) is None


def test_what_took_long_to_read_is_kept_long() -> None:
    now = time.monotonic()
    assert good_until(now) == pytest.approx(now + known.SECONDS, abs=1)
    assert good_until(now - 8) == pytest.approx(now + 800, abs=known.WORTH)
