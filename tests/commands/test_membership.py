from commands.membership import ApproveMember, ChangeRole
from domain.errors import Forbidden, NotFound
from domain.membership import Membership, MembershipIsActive, membership_id
from domain.organization import Organization, OrganizationNeedsAnAdmin
from domain.roles import Role
from tests.commands.conftest import ACME, ANN, BEN, approve, ben, eve
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
