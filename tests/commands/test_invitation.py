from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from commands.acceptance import (
    AcceptInvitation,
    AddressComesFirst,
    DeclineInvitation,
    InvitationIsForAnother,
    InvitationIsSuspended,
    InvitationIsVoid,
    JoinByInvitation,
)
from commands.access import Caller
from commands.dataset import AddDatasetMember
from commands.erasure import ErasePerson
from commands.invitation import (
    CancelInvitation,
    ExpireInvitation,
    InviteToDataset,
    InviteToOrganization,
    InviteToProject,
    PlaceByAddress,
    ResendInvitation,
)
from commands.link import LinkIsOver
from commands.membership import ChangeRole, DeactivateMember, RemoveMember
from commands.organization import ChangeOrganization
from commands.person import EmailIsTaken, OrganizationTakesNobody
from commands.ports import Purpose
from commands.project import (
    AddProjectMember,
    ArchiveProject,
    DeleteProject,
    RemoveProjectMember,
    UndeleteProject,
)
from commands.session import EndSession
from commands.trash import PurgeProject
from domain.dataset import Dataset
from domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from domain.invitation import CancelReason, Invitation, InvitationIsOver, InvitationIsPending, InvitationType
from domain.language import Language
from domain.membership import Membership, MembershipIsActive, MembershipIsNotActive, membership_id
from domain.model import SYSTEM
from domain.organization import Admission, Organization, OrganizationIsFull
from domain.person import AddressIsNotVerified, Person
from domain.project import Project, ProjectIsArchived
from domain.roles import DatasetRole, ProjectRole, Role
from domain.shared import PersonHasAPlace
from domain.values import Erased
from infra.common_passwords import PasswordIsCommon
from tests.commands.conftest import ACME, ANN, BEN, CAT, EVE, ann, approve, ben, cat, eve, register, verify
from tests.commands.test_dataset import CRACKS
from tests.commands.test_dataset import create as dataset
from tests.commands.test_project import CELLS
from tests.commands.test_project import create as project
from tests.commands.test_session import OTHER, SESSION, again
from tests.doubles import link_token
from tests.spec import NOBODY, Spec


@pytest.fixture
def spec(unverified: Spec) -> Spec:
    """Ann and Ben have verified their addresses; Cat and Eve have not."""
    return unverified.given(verify(ANN), verify(BEN))


ASKED, AGAIN, DAN = UUID(int=191), UUID(int=192), UUID(int=106)
platform = Caller(kind="system", id=SYSTEM)
BEN_IN_ACME = membership_id(ACME, BEN)


def invite(email: str = "dan@example.org", role: Role = Role.ENGINEER_I, **more: Any) -> InviteToOrganization:
    return InviteToOrganization.model_validate(
        {"invitation_id": ASKED, "target_id": ACME, "email": email, "role": role, **more}
    )


def into_project(email: str = "dan@example.org", **more: Any) -> InviteToProject:
    return InviteToProject.model_validate({"invitation_id": ASKED, "target_id": CELLS, "email": email, **more})


def place(email: str, **more: Any) -> PlaceByAddress:
    return PlaceByAddress.model_validate({"invitation_id": ASKED, "target_id": CELLS, "email": email, **more})


def token(invitation_id: UUID = ASKED, number: int = 1) -> str:
    return link_token(Purpose.INVITATION, invitation_id, number)


def join(of: str | None = None, **more: Any) -> JoinByInvitation:
    who = {"person_id": DAN, "full_name": "Dan", "avatar_name": "red-fox-106", "password": "correct horse battery"}
    return JoinByInvitation.model_validate({**who, "token": of or token(), **more})


def accept(person_id: UUID, of: str | None = None, shown: UUID | int = 1) -> AcceptInvitation:
    return AcceptInvitation.model_validate({"person_id": person_id, "shown": shown, "token": of or token()})


decline = DeclineInvitation(token=token())
cancel, resend = CancelInvitation(invitation_id=ASKED), ResendInvitation(invitation_id=ASKED)
expire = ExpireInvitation(invitation_id=ASKED)
over = Invitation.Cancelled, {"originator_id": ASKED, "reason": CancelReason.REPLACED}


joined: tuple[tuple[type[Any], dict[str, Any]], ...] = ((Person.Registered, {}), (Person.EmailVerified, {}))


def let_in(person_id: UUID = DAN, role: Role = Role.ENGINEER_I) -> list[tuple[type[Any], dict[str, Any]]]:
    id = membership_id(ACME, person_id)
    seat = Organization.SeatTaken, {"person_id": person_id}
    return [(Membership.Requested, {"originator_id": id}), (Membership.Approved, {"role": role}), seat]


def came(spec: Spec, *expected: tuple[type[Any], dict[str, Any]]) -> None:
    """Whatever the order of the aggregates."""
    happened = spec.events()[spec._before :]
    assert sorted(type(each).TOPIC for each in happened) == sorted(kind.TOPIC for kind, _ in expected)  # type: ignore[attr-defined]
    for kind, fields in expected:
        (event,) = (each for each in happened if type(each) is kind)
        assert {name: getattr(event, name) for name in fields} == fields


def test_an_invitation_says_into_what_as_what_and_until_when(spec: Spec) -> None:
    spec.when(invite(message="welcome", language="ko")).then(
        (
            Invitation.Sent,
            {
                "organization_id": ACME,
                "type": InvitationType.ORGANIZATION,
                "target_id": ACME,
                "target_name": "Acme / Vision",
                "role": "engineer_i",
                "inviter_id": ANN,
                "email": "dan@example.org",
                "message": "welcome",
                "language": Language.KOREAN,
                "for_anyone": False,
                "expires_at": spec.now + timedelta(days=7),
            },
        )
    )


def test_neither_token_nor_address_nor_message_stands_in_the_ledger(spec: Spec) -> None:
    spec.given(invite(message="welcome on board"), resend)
    states = b"".join(row.stored.state for row in spec.ledger.rows)
    for word in (token(), token(number=2), "dan@example.org", "welcome on board"):
        assert word.encode() not in states
    assert "dan@" not in str(spec.ledger.invitations)


@pytest.mark.parametrize("days", [0, -1, 31])
def test_an_invitation_is_good_for_a_day_to_a_month(days: int) -> None:
    with pytest.raises(ValueError, match="days"):
        invite(days=days)


@pytest.mark.parametrize("password", ["dan@example!", "dans.password", "acme-acme-2026"])
def test_what_everybody_knows_of_one_is_no_password(spec: Spec, password: str) -> None:
    spec.given(invite()).by(NOBODY).when(join(password=password)).then_refused(PasswordIsCommon)


def test_a_newcomer_is_registered_in_the_organization_and_the_role(spec: Spec) -> None:
    spec.given(invite()).by(NOBODY).when(join())
    registered = Person.Registered, {"originator_id": DAN, "email": "dan@example.org", "organization_id": ACME}
    came(spec, registered, (Person.EmailVerified, {}), *let_in(), (Invitation.Accepted, {"person_id": DAN}))


def test_a_newcomer_is_placed_in_the_project_as_a_guest_of_the_organization(spec: Spec) -> None:
    spec.given(project, into_project(role=ProjectRole.VIEWER)).by(NOBODY).when(join())
    added = Project.MemberAdded, {"person_id": DAN, "role": ProjectRole.VIEWER}
    came(
        spec,
        (Person.Registered, {}),
        (Person.EmailVerified, {}),
        *let_in(role=Role.GUEST),
        added,
        (Invitation.Accepted, {}),
    )


def test_a_person_of_another_organization_accepts_and_has_proven_the_address(spec: Spec) -> None:
    spec.given(invite("EVE@example.org")).by(NOBODY).when(accept(EVE))
    elsewhere = (Person.Joined, {"organization_id": ACME})
    came(spec, (Person.EmailVerified, {}), elsewhere, *let_in(EVE), (Invitation.Accepted, {"person_id": EVE}))


def test_whoever_accepts_does_so_by_the_password_of_now_or_in_a_session_that_goes_on(spec: Spec) -> None:
    there = again(SESSION).model_copy(update={"organization_id": eve.organization_id})
    spec.given(invite("eve@example.org")).when(accept(EVE, shown=2)).then_refused(Unauthenticated, "was changed")
    spec.when(accept(EVE, shown=SESSION)).then_refused(Unauthenticated, "has ended")
    spec.by(eve).given(there, EndSession(session_id=SESSION))
    spec.when(accept(EVE, shown=SESSION)).then_refused(Unauthenticated, "has ended")
    spec.given(there.model_copy(update={"session_id": OTHER})).by(NOBODY).when(accept(EVE, shown=OTHER))
    elsewhere = (Person.Joined, {"organization_id": ACME})
    came(spec, (Person.EmailVerified, {}), elsewhere, *let_in(EVE), (Invitation.Accepted, {"person_id": EVE}))


def test_whoever_waits_is_let_in_by_an_invitation(spec: Spec) -> None:
    spec.given(invite("ben@example.org")).by(NOBODY).when(accept(BEN))
    came(spec, *let_in(BEN)[1:], (Invitation.Accepted, {}))


def test_whoever_left_comes_back_by_an_invitation(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST), RemoveMember(membership_id=BEN_IN_ACME), invite("ben@example.org"))
    spec.by(NOBODY).when(accept(BEN))
    came(spec, *let_in(BEN)[1:], (Invitation.Accepted, {}))


def test_whoever_was_removed_is_brought_back_by_nobody_who_lets_nobody_in(spec: Spec) -> None:
    removed = RemoveMember(membership_id=membership_id(ACME, CAT))
    spec.given(approve(BEN, Role.ENGINEER_I), approve(CAT, Role.GUEST), removed)
    spec.by(ben).given(project, into_project("cat@example.org")).by(NOBODY)
    spec.when(accept(CAT)).then_refused(MembershipIsNotActive, "not a member of this organization any more")


def test_a_member_is_invited_to_a_higher_role_and_keeps_a_higher_one(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST), invite("ben@example.org")).by(NOBODY).when(accept(BEN))
    came(spec, (Membership.RoleChanged, {"role": Role.ENGINEER_I}), (Invitation.Accepted, {}))
    spec.by(ann).when(invite("ben@example.org", role=Role.GUEST)).then_refused(MembershipIsActive)


def test_a_role_that_was_given_meanwhile_is_not_taken_back(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST), invite("ben@example.org"))
    spec.given(ChangeRole(membership_id=BEN_IN_ACME, role=Role.MANAGER))
    spec.by(NOBODY).when(accept(BEN)).then_refused(MembershipIsActive)


def test_one_who_is_deactivated_stays_outside(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST), DeactivateMember(membership_id=BEN_IN_ACME), invite("ben@example.org"))
    spec.by(NOBODY).when(accept(BEN)).then_refused(MembershipIsNotActive)


def test_an_admin_may_be_invited_by_an_admin(spec: Spec) -> None:
    spec.given(invite(role=Role.ADMIN)).by(NOBODY).when(join())
    came(
        spec,
        *joined,
        *let_in(role=Role.ADMIN),
        (Organization.AdminAdded, {}),
        (Invitation.Accepted, {}),
    )


def test_nobody_invites_to_a_role_that_they_may_not_grant(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER), approve(CAT, Role.ENGINEER_II))
    for role in (Role.ADMIN, Role.MANAGER):
        spec.by(ben).when(invite(role=role)).then_refused(Forbidden)
    spec.by(cat).when(invite(role=Role.GUEST)).then_refused(Forbidden)
    spec.by(ben).when(invite()).then((Invitation.Sent, {"inviter_id": BEN}))


def test_a_guest_who_owns_a_project_opens_no_machines_by_inviting(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST)).by(ben).given(project)
    spec.when(into_project(role=ProjectRole.MEMBER)).then_refused(Forbidden)
    spec.when(into_project(role=ProjectRole.VIEWER)).then((Invitation.Sent, {}))


def test_whom_somebody_invites_who_lets_nobody_in_waits_for_an_admin(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I)).by(ben).given(project, into_project()).by(NOBODY).when(join())
    placed = Project.MemberAdded, {"person_id": DAN}
    came(spec, *joined, let_in()[0], placed, (Invitation.Accepted, {}))
    spec.by(ann).when(approve(DAN, Role.GUEST)).then((Membership.Approved, {}), (Organization.SeatTaken, {}))


@pytest.mark.parametrize("admission", Admission)
def test_an_invitation_lets_in_whoever_may_join_how(spec: Spec, admission: Admission) -> None:
    spec.given(ChangeOrganization(organization_id=ACME, admission=admission), invite()).by(NOBODY).when(join())
    came(spec, *joined, *let_in(), (Invitation.Accepted, {}))


def test_an_open_organization_lets_in_whom_anybody_invites(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I), ChangeOrganization(organization_id=ACME, admission=Admission.OPEN))
    spec.by(ben).given(project, into_project()).by(NOBODY).when(join())
    came(
        spec,
        (Person.Registered, {}),
        (Person.EmailVerified, {}),
        *let_in(role=Role.GUEST),
        (Project.MemberAdded, {}),
        (Invitation.Accepted, {}),
    )


def test_a_second_invitation_of_an_address_to_the_same_thing_replaces_the_first(spec: Spec) -> None:
    spec.given(project, invite())
    spec.when(invite("Dan@Example.ORG ", invitation_id=AGAIN)).then((Invitation.Sent, {"originator_id": AGAIN}), over)
    spec.by(NOBODY).when(join()).then_refused(LinkIsOver)
    spec.by(ann).when(into_project(invitation_id=UUID(int=93))).then((Invitation.Sent, {}))
    spec.by(NOBODY).when(join(token(AGAIN)))
    came(spec, *joined, *let_in(), (Invitation.Accepted, {}))


def test_nobody_replaces_an_invitation_to_more_than_they_may_grant(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER), invite(role=Role.ADMIN))
    spec.by(ben).when(invite(invitation_id=AGAIN)).then_refused(Forbidden)
    spec.by(ben).when(cancel).then_refused(Forbidden)


def test_the_address_that_was_written_to_accepts(spec: Spec) -> None:
    spec.given(invite()).by(NOBODY)
    spec.when(accept(EVE)).then_refused(InvitationIsForAnother)
    spec.when(join(email="other@example.org")).then_refused(InvitationIsForAnother)
    spec.when(join(email=" DAN@example.org"))
    came(
        spec,
        (Person.Registered, {"email": "DAN@example.org"}),
        (Person.EmailVerified, {}),
        *let_in(),
        (Invitation.Accepted, {}),
    )


def test_anyone_may_accept_where_the_invitation_says_so(spec: Spec) -> None:
    spec.given(invite(for_anyone=True)).by(NOBODY)
    spec.when(join()).then_refused(Invalid, "email")
    spec.when(join(email="other@example.org"))
    came(spec, (Person.Registered, {"email": "other@example.org"}), *let_in(), (Invitation.Accepted, {}))


def test_an_address_that_is_registered_joins_by_signing_in(spec: Spec) -> None:
    spec.given(invite("eve@example.org")).by(NOBODY).when(join()).then_refused(EmailIsTaken, "sign in")


def test_whoever_has_not_verified_an_address_invites_nobody(spec: Spec) -> None:
    spec.given(project, approve(CAT, Role.ADMIN)).by(cat)
    spec.when(invite()).then_refused(AddressIsNotVerified)
    spec.when(place("dan@example.org")).then_refused(AddressIsNotVerified)


def test_an_unverified_person_is_invited_to_more_by_mail_only(spec: Spec) -> None:
    spec.given(project, approve(CAT, Role.GUEST)).when(place("cat@example.org")).then((Invitation.Sent, {}))
    spec.given(invite("x@example.org", invitation_id=AGAIN, for_anyone=True))
    spec.by(NOBODY).when(accept(EVE, token(AGAIN))).then_refused(AddressIsNotVerified)
    spec.when(accept(CAT))
    came(spec, (Person.EmailVerified, {}), (Project.MemberAdded, {"person_id": CAT}), (Invitation.Accepted, {}))
    spec.given(verify(EVE)).when(accept(EVE, token(AGAIN)))
    came(spec, (Person.Joined, {}), *let_in(EVE), (Invitation.Accepted, {}))


def test_whoever_registers_by_a_link_for_anyone_is_asked_to_verify(spec: Spec) -> None:
    spec.given(invite(for_anyone=True)).by(NOBODY).given(join(email="other@example.org"))
    spec.when(verify(DAN)).then((Person.EmailVerified, {"originator_id": DAN}))


def test_where_an_address_is_proven_first_a_link_for_anyone_begins_no_account_and_tells_of_none(spec: Spec) -> None:
    spec.given(invite(), invite("any@example.org", invitation_id=AGAIN, for_anyone=True)).by(NOBODY)
    for email in ("other@example.org", "eve@example.org"):
        spec.when(join(token(AGAIN), email=email, proven=True)).then_refused(AddressComesFirst)
    spec.when(join(proven=True))
    came(spec, (Person.Registered, {}), (Person.EmailVerified, {}), *let_in(), (Invitation.Accepted, {}))


def test_a_link_is_good_once(spec: Spec) -> None:
    spec.given(invite()).by(NOBODY).given(join())
    spec.when(join(person_id=UUID(int=107))).then_refused(LinkIsOver)
    spec.when(accept(DAN)).then_refused(LinkIsOver)
    spec.when(decline).then_refused(LinkIsOver)


def test_what_was_declined_or_cancelled_is_over(spec: Spec) -> None:
    spec.given(invite()).by(NOBODY).when(decline).then((Invitation.Declined, {}))
    spec.when(join()).then_refused(LinkIsOver)
    spec.by(ann).when(cancel).then_refused(InvitationIsOver, "declined")
    spec.given(invite(invitation_id=AGAIN), CancelInvitation(invitation_id=AGAIN))
    spec.by(NOBODY).when(join(token(AGAIN))).then_refused(LinkIsOver)
    spec.by(ann).when(ResendInvitation(invitation_id=AGAIN)).then_refused(InvitationIsOver, "cancelled")


def test_nobody_is_named_who_declines(spec: Spec) -> None:
    spec.given(invite()).by(NOBODY).given(decline)
    _, envelope = spec.mapper.decode(spec.ledger.rows[-1].stored)
    assert (envelope.actor.kind, envelope.actor.id, envelope.context) == ("system", SYSTEM, None)


def test_time_ends_an_invitation_and_the_platform_notes_it(spec: Spec) -> None:
    spec.given(invite(days=1))
    spec.by(platform).when(expire).then_refused(InvitationIsPending)
    spec.now += timedelta(days=1)
    spec.by(NOBODY).when(join()).then_refused(LinkIsOver, "too old")
    spec.by(ann).when(resend).then_refused(InvitationIsOver, "expired")
    spec.by(platform).when(expire).then((Invitation.Expired, {}))
    spec.when(expire).then_refused(InvitationIsOver)
    spec.by(ann).when(invite(invitation_id=AGAIN)).then((Invitation.Sent, {}))


def test_one_sent_again_is_good_for_longer_and_the_letter_before_for_its_time(spec: Spec) -> None:
    spec.given(invite(days=1)).when(resend).then((Invitation.Resent, {"expires_at": spec.now + timedelta(days=7)}))
    spec.now += timedelta(days=2)
    spec.by(NOBODY).when(join()).then_refused(LinkIsOver, "too old")
    spec.when(join(token(number=2)))
    came(spec, *joined, *let_in(), (Invitation.Accepted, {}))


def test_seats_are_kept_for_who_is_invited(spec: Spec) -> None:
    spec.given(ChangeOrganization(organization_id=ACME, max_users=2), project, invite())
    spec.when(invite("x@example.org", invitation_id=AGAIN)).then_refused(OrganizationIsFull, "1 of 2", "max_users")
    spec.when(invite(invitation_id=AGAIN)).then((Invitation.Sent, {}), over)
    spec.when(into_project(invitation_id=UUID(int=93))).then((Invitation.Sent, {}))


def test_a_full_organization_takes_nobody_and_says_no_number(spec: Spec) -> None:
    spec.given(invite(), ChangeOrganization(organization_id=ACME, max_users=1)).by(NOBODY)
    spec.when(join()).then_refused(OrganizationTakesNobody)
    assert "1" not in str(spec._refusal)


def test_a_member_of_a_full_organization_is_invited_to_its_projects(spec: Spec) -> None:
    spec.given(project, approve(BEN, Role.GUEST), ChangeOrganization(organization_id=ACME, max_users=2))
    spec.given(into_project("ben@example.org")).by(NOBODY).when(accept(BEN))
    came(spec, (Project.MemberAdded, {"person_id": BEN}), (Invitation.Accepted, {}))


@pytest.mark.parametrize(
    "loses",
    [
        RemoveMember(membership_id=BEN_IN_ACME),
        DeactivateMember(membership_id=BEN_IN_ACME),
        ChangeRole(membership_id=BEN_IN_ACME, role=Role.ENGINEER_II),
    ],
)
def test_the_sender_s_rights_are_looked_at_once_more_when_it_is_accepted(spec: Spec, loses: Any) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben).given(invite()).by(ann).given(loses)
    spec.by(NOBODY).when(join()).then_refused(InvitationIsVoid)
    spec.when(decline).then((Invitation.Declined, {}))


def test_a_place_that_the_sender_has_no_more_is_given_to_nobody(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I), project)
    spec.given(AddProjectMember(project_id=CELLS, person_id=BEN, role=ProjectRole.MAINTAINER))
    spec.by(ben).given(into_project()).by(ann).given(RemoveProjectMember(project_id=CELLS, person_id=BEN))
    spec.by(NOBODY).when(join()).then_refused(InvitationIsVoid)


def test_nobody_comes_into_an_archived_project(spec: Spec) -> None:
    spec.given(project, into_project(), ArchiveProject(project_id=CELLS))
    spec.by(NOBODY).when(join()).then_refused(InvitationIsSuspended)
    spec.by(ann).when(ResendInvitation(invitation_id=ASKED)).then_refused(ProjectIsArchived)
    spec.by(ann).when(into_project("x@example.org", invitation_id=AGAIN)).then_refused(ProjectIsArchived)


def test_a_colleague_is_placed_by_address_at_once_and_anybody_else_invited(spec: Spec) -> None:
    spec.given(project, approve(BEN, Role.GUEST))
    spec.when(place("BEN@example.org")).then((Project.MemberAdded, {"person_id": BEN}))
    spec.when(place("ben@example.org")).then_refused(PersonHasAPlace)
    for number, email in enumerate(("dan@example.org", "eve@example.org", "cat@example.org")):
        spec.when(place(email, invitation_id=UUID(int=94 + number))).then((Invitation.Sent, {"email": email}))


def test_an_invitation_is_its_sender_s_and_the_admins(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I), approve(CAT, Role.ENGINEER_I)).by(ben).given(project, into_project())
    spec.by(cat).when(cancel).then_refused(Forbidden)
    spec.by(cat).when(resend).then_refused(Forbidden)
    spec.by(eve).when(cancel).then_refused(NotFound)
    spec.by(ben).when(resend).then((Invitation.Resent, {}))
    spec.by(ann).when(cancel).then((Invitation.Cancelled, {"reason": CancelReason.WITHDRAWN}))


def test_who_maintains_a_project_ends_invitations_to_it(spec: Spec) -> None:
    spec.given(project, into_project(), approve(BEN, Role.ENGINEER_I))
    spec.given(AddProjectMember(project_id=CELLS, person_id=BEN, role=ProjectRole.MAINTAINER))
    spec.by(ben).when(cancel).then((Invitation.Cancelled, {}))


def test_of_what_is_another_organization_s_nobody_invites_to(spec: Spec) -> None:
    spec.given(project).by(eve).when(invite()).then_refused(NotFound)
    spec.when(into_project()).then_refused(NotFound)


def test_the_link_of_one_purpose_is_good_for_no_other(spec: Spec) -> None:
    spec.given(invite()).by(NOBODY)
    for wrong in (link_token(Purpose.PASSWORD_RESET, ASKED, 1), token(number=2), token(AGAIN), "guess"):
        spec.when(join(wrong)).then_refused(LinkIsOver)
        spec.when(DeclineInvitation(token=wrong)).then_refused(LinkIsOver)


def test_with_a_person_all_invitations_to_and_by_them_are_over(spec: Spec) -> None:
    spec.given(approve(BEN, Role.MANAGER)).by(ben).given(invite()).by(ann)
    spec.given(invite("ben@example.org", role=Role.ADMIN, invitation_id=AGAIN))
    spec.by(platform).given(ErasePerson(person_id=BEN))
    ended = [each for each in spec.events() if isinstance(each, Invitation.Cancelled)]
    assert {each.originator_id for each in ended} == {ASKED, AGAIN}
    assert {each.reason for each in ended} == {CancelReason.PERSON_ERASED}
    assert spec.ledger.invitations == {}


def test_what_is_thrown_away_suspends_invitations_and_what_comes_back_takes_them_up(spec: Spec) -> None:
    spec.given(project, into_project(), DeleteProject(project_id=CELLS)).by(NOBODY).when(join())
    spec.then_refused(InvitationIsSuspended)
    spec.by(ann).given(UndeleteProject(project_id=CELLS)).by(NOBODY).when(join())
    assert any(isinstance(each, Invitation.Accepted) for each in spec.events())


def test_with_what_goes_for_good_all_invitations_to_it_are_over(spec: Spec) -> None:
    spec.given(project, into_project(), into_project("x@example.org", invitation_id=AGAIN))
    spec.given(invite("ed@example.org", invitation_id=DAN), DeleteProject(project_id=CELLS))
    spec.when(PurgeProject(project_id=CELLS, name="cells")).then(
        (Project.Purged, {}), *[(Invitation.Cancelled, {"reason": CancelReason.TARGET_PURGED})] * 2
    )
    assert spec.ledger.invitations.keys() == {str(DAN)}
    spec.by(NOBODY).when(join()).then_refused(LinkIsOver)


def test_a_key_that_is_gone_keeps_nothing_from_loading(spec: Spec) -> None:
    spec.given(invite(), cancel)
    spec.keys.erase(ASKED)
    (sent,) = (each for each in spec.events() if isinstance(each, Invitation.Sent))
    assert (sent.email, sent.message, sent.language) == (Erased(), Erased(), Erased())


def test_a_person_may_register_beside_an_invitation_and_accept_it_then(spec: Spec) -> None:
    spec.given(invite()).by(NOBODY).given(register(DAN, "dan")).when(accept(DAN))
    came(spec, (Person.EmailVerified, {}), *let_in()[1:], (Invitation.Accepted, {}))


def test_whom_a_dataset_needs_is_invited_to_it(spec: Spec) -> None:
    into = InviteToDataset(invitation_id=ASKED, target_id=CRACKS, email="dan@example.org", role=DatasetRole.EDITOR)
    spec.given(dataset).when(into).then((Invitation.Sent, {"type": InvitationType.DATASET, "role": "editor"}))
    spec.by(NOBODY).when(join())
    added = Dataset.MemberAdded, {"person_id": DAN, "role": DatasetRole.EDITOR}
    came(spec, *joined, *let_in(role=Role.GUEST), added, (Invitation.Accepted, {}))


def test_a_maintainer_of_a_dataset_ends_invitations_to_it(spec: Spec) -> None:
    spec.given(dataset, approve(BEN, Role.ENGINEER_I), approve(CAT, Role.ENGINEER_I))
    spec.given(AddDatasetMember(dataset_id=CRACKS, person_id=BEN, role=DatasetRole.MAINTAINER))
    spec.given(InviteToDataset(invitation_id=ASKED, target_id=CRACKS, email="dan@example.org"))
    spec.by(cat).when(cancel).then_refused(Forbidden)
    spec.by(ben).when(cancel).then((Invitation.Cancelled, {}))
