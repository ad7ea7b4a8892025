from datetime import timedelta
from uuid import UUID

import pytest

from commands.access import Caller, Command
from commands.ending import DissolveMembership, DissolveProject, PurgeOrganization
from commands.erasure import CancelErasure, ErasePerson, OrganizationEndsFirst, RequestErasure
from commands.project import CreateProject
from domain.closure import Closure
from domain.errors import Forbidden, Unauthenticated
from domain.membership import MemberOwnsProjects, Membership, membership_id
from domain.organization import Organization, OrganizationNeedsAnAdmin
from domain.person import ErasureIsNotAskedFor, Person, PersonIsErased
from domain.roles import Role
from domain.session import Ending, Session
from tests.commands.conftest import ACME, ANN, BEN, ann, approve, ben, register, verify
from tests.commands.test_closure import close, reopen
from tests.commands.test_project import create as project
from tests.commands.test_session import OTHER, SESSION, again, sign_in
from tests.projections.history import platform
from tests.spec import NOBODY, Spec

erase = ErasePerson(person_id=BEN)


def test_whoever_asks_to_be_erased_has_a_week_to_think(spec: Spec) -> None:
    spec.by(ben).when(RequestErasure()).then((Person.ErasureRequested, {}))
    asked = spec.events()[-1]
    assert isinstance(asked, Person.ErasureRequested)
    assert asked.due_at == spec.now + timedelta(days=7)
    spec.when(RequestErasure()).then()
    spec.when(CancelErasure()).then((Person.ErasureCancelled, {}))
    spec.when(CancelErasure()).then_refused(ErasureIsNotAskedFor)


def test_with_a_person_go_its_memberships_and_what_let_it_in(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ADMIN)).by(platform).when(erase).then(
        (Person.Erased, {}),
        (Membership.Ended, {"previous": Role.ADMIN}),
        (Organization.AdminRemoved, {"person_id": BEN}),
        (Organization.SeatReleased, {"person_id": BEN}),
    )
    spec.by(ben).when(sign_in).then_refused(Unauthenticated)
    spec.by(platform).when(erase).then_refused(PersonIsErased)


def test_with_a_person_end_all_their_sessions_and_nobody_else_s(spec: Spec) -> None:
    elsewhere = UUID(int=83)
    spec.given(again(elsewhere)).by(ben).given(sign_in, again(OTHER)).by(platform).when(erase)
    ended = [each for each in spec.events() if isinstance(each, Session.Ended)]
    assert {each.originator_id: each.reason for each in ended} == dict.fromkeys((SESSION, OTHER), Ending.ERASED)
    assert len(ended) == 2
    assert BEN not in spec.ledger.sessions.values()


def test_an_erased_address_registers_as_somebody_new(spec: Spec) -> None:
    spec.by(platform).given(erase).by(NOBODY)
    spec.when(register(UUID(int=106), "ben")).then((Person.Registered, {}), (Membership.Requested, {}))


@pytest.mark.parametrize(("caller", "wish"), [(ann, RequestErasure()), (platform, ErasePerson(person_id=ANN))])
def test_the_only_admin_names_another_first(spec: Spec, caller: object, wish: object) -> None:
    spec.by(caller).when(wish).then_refused(OrganizationNeedsAnAdmin, "name another one first")  # type: ignore[arg-type]


@pytest.mark.parametrize(("caller", "wish"), [(ann, RequestErasure()), (platform, ErasePerson(person_id=ANN))])
def test_an_admin_who_has_verified_no_address_succeeds_nobody(unverified: Spec, caller: Caller, wish: Command) -> None:
    spec = unverified.given(verify(ANN), approve(BEN, Role.ADMIN)).by(caller)
    spec.when(wish).then_refused(OrganizationNeedsAnAdmin, "no admin who has verified an address")
    spec.given(verify(BEN), wish)


@pytest.mark.parametrize(("caller", "wish"), [(ben, RequestErasure()), (platform, erase)])
def test_whoever_owns_a_project_hands_it_over_first(spec: Spec, caller: object, wish: object) -> None:
    spec.given(approve(BEN, Role.GUEST)).by(ben).given(project).by(caller)  # type: ignore[arg-type]
    spec.when(wish).then_refused(MemberOwnsProjects, "hand them over first")  # type: ignore[arg-type]


@pytest.mark.parametrize("of_hers", [(), (project,)])
def test_whom_a_closed_organization_needs_is_erased_once_it_has_ended(spec: Spec, of_hers: tuple[Command, ...]) -> None:
    spec.by(ben).given(RequestErasure()).by(ann).given(*of_hers, close)
    closed = spec.events()[-1]
    assert isinstance(closed, Closure.OrganizationClosed)
    spec.when(RequestErasure()).then((Person.ErasureRequested, {"due_at": closed.purge_at}))
    hers = ErasePerson(person_id=ANN)
    spec.by(platform).when(hers).then_refused(OrganizationEndsFirst, "nobody can take over there before it ends")
    spec.given(erase)
    spec.now = closed.purge_at
    spec.given(PurgeOrganization(organization_id=ACME))
    spec.given(*(DissolveProject(project_id=each.project_id) for each in of_hers if isinstance(each, CreateProject)))
    spec.given(DissolveMembership(membership_id=membership_id(ACME, ANN))).when(hers).then((Person.Erased, {}))


def test_one_that_was_reopened_needs_an_admin_again(spec: Spec) -> None:
    spec.given(close, RequestErasure(), reopen).by(platform)
    spec.when(ErasePerson(person_id=ANN)).then_refused(OrganizationNeedsAnAdmin, "name another one first")


def test_nobody_but_the_platform_erases(spec: Spec) -> None:
    spec.by(ann).when(erase).then_refused(Forbidden)


def test_whoever_waits_may_go_as_well(spec: Spec) -> None:
    spec.by(ben).given(RequestErasure()).by(platform)
    spec.when(erase).then((Person.Erased, {}), (Membership.Ended, {"previous": None}))


def test_nobody_lets_in_somebody_who_was_erased(spec: Spec) -> None:
    spec.by(platform).given(erase).by(ann).when(approve(BEN, Role.ADMIN)).then_refused(PersonIsErased)
