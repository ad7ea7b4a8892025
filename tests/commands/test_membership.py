import pytest

from commands.access import Command
from commands.membership import (
    ApproveMember,
    ChangeRole,
    DeactivateMember,
    ReactivateMember,
    RemoveMember,
    RenameMember,
)
from commands.organization import ChangeOrganization
from commands.person import RenameSelf
from commands.project import CreateProject, DeleteProject, OfferProject
from commands.shared import PersonIsNoMember
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.membership import (
    MemberOwnsProjects,
    Membership,
    MembershipIsActive,
    MembershipIsNotActive,
    membership_id,
)
from domain.organization import Organization, OrganizationIsFull, OrganizationNeedsAnAdmin
from domain.person import Person
from domain.roles import Role
from tests.commands.conftest import ACME, ANN, BEN, CAT, ann, approve, ben, eve, verify
from tests.commands.test_project import CELLS, OTHER
from tests.commands.test_project import create as project
from tests.spec import Spec


def change(person_id: object, role: Role) -> ChangeRole:
    assert person_id in (ANN, BEN)
    return ChangeRole(membership_id=membership_id(ACME, ANN if person_id == ANN else BEN), role=role)


def test_an_admin_lets_a_waiting_member_in(spec: Spec) -> None:
    spec.when(approve(BEN, Role.ENGINEER_I)).then(
        (Membership.Approved, {"role": Role.ENGINEER_I}), (Organization.SeatTaken, {"person_id": BEN})
    )


def test_a_member_is_let_in_once(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST)).when(approve(BEN, Role.GUEST)).then_refused(MembershipIsActive)


def test_who_waits_approves_nobody(spec: Spec) -> None:
    spec.by(ben).when(approve(BEN, Role.ADMIN)).then_refused(Forbidden, "waits for approval")


def test_another_organizations_admin_finds_nothing(spec: Spec) -> None:
    spec.by(eve).when(approve(BEN, Role.ADMIN)).then_refused(NotFound)


def test_a_manager_grants_roles_below_its_own(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben).when(change(BEN, Role.ADMIN)).then_refused(Forbidden)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.MANAGER])
def test_a_manager_lets_nobody_in_with_a_role_that_is_not_below_its_own(spec: Spec, role: Role) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben).when(approve(CAT, role)).then_refused(Forbidden, role)
    spec.when(approve(CAT, Role.ENGINEER_II)).then(
        (Membership.Approved, {"role": Role.ENGINEER_II}), (Organization.SeatTaken, {"person_id": CAT})
    )


def test_a_manager_takes_no_role_from_an_admin(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben).when(change(ANN, Role.GUEST)).then_refused(Forbidden)


def test_a_new_role_holds_at_once(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ADMIN), change(BEN, Role.GUEST))
    spec.by(ben).when(change(BEN, Role.ADMIN)).then_refused(Forbidden, "guest")


def test_a_change_of_role_says_what_it_was(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST)).when(change(BEN, Role.ADMIN)).then(
        (Membership.RoleChanged, {"previous": Role.GUEST, "role": Role.ADMIN}),
        (Organization.AdminAdded, {"person_id": BEN}),
    )


def test_the_last_admin_stays(spec: Spec) -> None:
    spec.when(change(ANN, Role.GUEST)).then_refused(OrganizationNeedsAnAdmin)


def test_with_another_admin_one_may_go(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ADMIN)).when(change(ANN, Role.GUEST)).then(
        (Membership.RoleChanged, {"previous": Role.ADMIN, "role": Role.GUEST}),
        (Organization.AdminRemoved, {"person_id": ANN}),
    )


def test_an_unknown_membership_is_not_found(spec: Spec) -> None:
    spec.when(ApproveMember(membership_id=ACME, role=Role.GUEST)).then_refused(NotFound)


OF_BEN = membership_id(ACME, BEN)
ShutOut = type[DeactivateMember] | type[RemoveMember]
SHUT_OUT = (DeactivateMember(membership_id=OF_BEN), RemoveMember(membership_id=OF_BEN))


def test_who_is_deactivated_frees_the_seat_and_is_no_admin_meanwhile(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ADMIN)).when(DeactivateMember(membership_id=OF_BEN)).then(
        (Membership.Deactivated, {}),
        (Organization.AdminRemoved, {"person_id": BEN}),
        (Organization.SeatReleased, {"person_id": BEN}),
    )
    spec.when(ReactivateMember(membership_id=OF_BEN)).then(
        (Membership.Reactivated, {}),
        (Organization.SeatTaken, {"person_id": BEN}),
        (Organization.AdminAdded, {"person_id": BEN}),
    )


def test_a_seat_that_was_freed_is_taken_anew_only_where_there_is_one(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST), DeactivateMember(membership_id=OF_BEN), approve(CAT, Role.GUEST))
    spec.given(ChangeOrganization(organization_id=ACME, max_users=2))
    spec.when(ReactivateMember(membership_id=OF_BEN)).then_refused(OrganizationIsFull, "max_users")


@pytest.mark.parametrize("wish", SHUT_OUT)
def test_whoever_is_shut_out_is_known_to_nobody_from_that_moment(spec: Spec, wish: Command) -> None:
    spec.given(approve(BEN, Role.MANAGER), wish)
    spec.by(ben).when(approve(CAT, Role.GUEST)).then_refused(Unauthenticated)


def test_whoever_was_removed_may_be_let_in_anew(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER)).when(RemoveMember(membership_id=OF_BEN)).then(
        (Membership.Ended, {"previous": Role.MANAGER}), (Organization.SeatReleased, {"person_id": BEN})
    )
    spec.when(change(BEN, Role.GUEST)).then_refused(MembershipIsNotActive)
    spec.when(DeactivateMember(membership_id=OF_BEN)).then_refused(MembershipIsNotActive)
    spec.when(approve(BEN, Role.GUEST)).then(
        (Membership.Approved, {"role": Role.GUEST}), (Organization.SeatTaken, {"person_id": BEN})
    )


def test_a_request_to_join_may_be_turned_down(spec: Spec) -> None:
    spec.when(RemoveMember(membership_id=OF_BEN)).then((Membership.Ended, {"previous": None}))
    spec.when(RemoveMember(membership_id=OF_BEN)).then()


@pytest.mark.parametrize("kind", [DeactivateMember, RemoveMember])
def test_the_last_admin_is_neither_deactivated_nor_removed(spec: Spec, kind: ShutOut) -> None:
    spec.when(kind(membership_id=membership_id(ACME, ANN))).then_refused(OrganizationNeedsAnAdmin)


@pytest.mark.parametrize(
    "goes",
    [
        DeactivateMember(membership_id=membership_id(ACME, ANN)),
        RemoveMember(membership_id=membership_id(ACME, ANN)),
        change(ANN, Role.GUEST),
    ],
    ids=lambda goes: type(goes).__name__,
)
def test_an_admin_who_has_verified_no_address_succeeds_nobody(unverified: Spec, goes: Command) -> None:
    spec = unverified.given(verify(ANN), approve(BEN, Role.ADMIN))
    spec.when(goes).then_refused(OrganizationNeedsAnAdmin, "no admin who has verified an address")
    spec.given(verify(BEN), goes)


def test_an_admin_who_has_verified_no_address_may_go(unverified: Spec) -> None:
    unverified.given(verify(ANN), approve(BEN, Role.ADMIN), RemoveMember(membership_id=OF_BEN))


def test_whoever_owns_a_project_hands_it_over_first(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I)).by(ben).given(project).by(ann)
    spec.when(RemoveMember(membership_id=OF_BEN)).then_refused(MemberOwnsProjects, "hand them over first")
    spec.given(DeactivateMember(membership_id=OF_BEN))


def test_whoever_owns_several_projects_hands_over_all_but_one_before_becoming_a_guest(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I)).by(ben).given(project, CreateProject(project_id=OTHER, name="other"))
    spec.by(ann).when(change(BEN, Role.GUEST)).then_refused(MemberOwnsProjects, "owns 2; hand all but one over first")
    spec.given(DeleteProject(project_id=OTHER)).when(change(BEN, Role.GUEST)).then(
        (Membership.RoleChanged, {"previous": Role.ENGINEER_I, "role": Role.GUEST})
    )


def test_nothing_is_handed_to_whoever_is_shut_out(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I), project, DeactivateMember(membership_id=OF_BEN))
    spec.when(OfferProject(project_id=CELLS, person_id=BEN)).then_refused(PersonIsNoMember)


@pytest.mark.parametrize("kind", [DeactivateMember, RemoveMember])
def test_a_manager_shuts_out_who_has_a_lower_role_only(spec: Spec, kind: ShutOut) -> None:
    spec.given(approve(BEN, Role.MANAGER), approve(CAT, Role.MANAGER)).by(ben)
    spec.when(kind(membership_id=membership_id(ACME, CAT))).then_refused(Forbidden)


def test_a_name_is_one_s_own_to_change_and_that_of_whoever_manages_members(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben)
    spec.when(RenameSelf(full_name="Benedict")).then((Person.Renamed, {"full_name": "Benedict"}))
    spec.when(RenameSelf(full_name="Benedict")).then()
    spec.when(RenameMember(membership_id=membership_id(ACME, ANN), full_name="x")).then_refused(Forbidden)
    spec.by(ann).when(RenameMember(membership_id=OF_BEN, full_name="Ben")).then((Person.Renamed, {"full_name": "Ben"}))


def test_whoever_left_is_renamed_by_nobody_there(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST), RemoveMember(membership_id=OF_BEN))
    spec.when(RenameMember(membership_id=OF_BEN, full_name="Gone")).then_refused(Forbidden, "left this one")
