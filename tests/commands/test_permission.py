"""What is explained is what is decided: every action, as every role, on one's own and on others' things."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands import HANDLERS
from commands.access import Caller, Command
from commands.api_token import MOST_OF_AN_OWNER, TooManyTokens
from commands.dataset import AddDatasetMember
from commands.membership import ChangeRole, DeactivateMember
from commands.organization import ChangeOrganization
from commands.permission import ACTIONS, Explained, explain, name_of
from commands.ports import Accepted
from commands.project import AddProjectMember, CreateProject, DeleteProject, OfferProject
from commands.service_account import ChangeServiceRole
from domain.errors import DomainError, Forbidden, Invalid, NotFound
from domain.membership import GuestOwnsAProject, MemberOwnsProjects, membership_id
from domain.model import Aggregate
from domain.organization import (
    MOST_SERVICE_ACCOUNTS,
    OrganizationIsFull,
    OrganizationNeedsAnAdmin,
    TooManyServiceAccounts,
)
from domain.person import AddressIsNotVerified
from domain.roles import DatasetRole, Permission, Place, ProjectRole, Role, Scope
from domain.service_account import SubscriptionStart
from infra.unit import Errand, Unit
from tests.commands.conftest import ACME, ANN, BEN, CAT, ann, approve, ben, cat, eve, register, verify
from tests.commands.test_api_token import NIGHTLY, nightly
from tests.commands.test_api_token import create as create_token
from tests.commands.test_dataset import CRACKS, ONE, split, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import create as experiment
from tests.commands.test_invitation import ASKED, DAN, into_project, invite
from tests.commands.test_project import CELLS, OTHER
from tests.commands.test_project import create as project
from tests.commands.test_service_account import EXPORTER, create_account, exporter, service
from tests.commands.test_training_job import JOB, request
from tests.spec import NOBODY, Spec

TARGETS: Final = {
    "organization": ACME,
    "project": CELLS,
    "dataset": CRACKS,
    "training_job": JOB,
    "membership": membership_id(ACME, CAT),
    "service_account": EXPORTER,
    "api_token": NIGHTLY,
    "invitation": ASKED,
}


@pytest.fixture
def house(spec: Spec) -> Spec:
    """Ann owns a project, a dataset and a training there; Ben is a guest, Cat waits."""
    spec.given(approve(BEN, Role.GUEST), project, dataset)
    return spec.given(upload(spec, ONE), split, experiment, request(), nightly, exporter, into_project())


class Decided(Exception):
    """Nothing refused it; here nothing is saved."""


class Trial(Unit):
    def save(self, first: Aggregate, *others: Aggregate, on_behalf_of: Mapping[UUID, UUID] | None = None) -> Accepted:
        raise Decided

    def note(self, id: UUID) -> Accepted:
        raise Decided


KINDS: Final = {name_of(command): command for command in HANDLERS}
NEW: Final = UUID(int=999)
SAID: Final[dict[str, Any]] = {
    "name": "another",
    "full_name": "Another",
    "description": "",
    "email": "new@example.org",
    "tag": "v2",
    "person_id": CAT,
    "upload_id": UUID(int=98),
    "role": Role.GUEST,
    "scopes": {Scope.READ},
    "days": 1,
    "prefix": "vst_00000009",
    "digest": "9" * 64,
    "framework": "timm",
    "model": "tiny",
    "code_version": "1",
    "since": SubscriptionStart.NOW,
}
"""What is in a command beside what it is on, where that does not matter."""
IN_A_PROJECT: Final = {"add_project_member", "change_project_role", "invite_to_project", "place_by_address"}
IN_A_DATASET: Final = {"add_dataset_member", "change_dataset_role", "invite_to_dataset"}


def wish(action: str, target: UUID | None) -> Command:
    kind, on = KINDS[action], ACTIONS[action].field
    said = SAID | {on: target}
    if action in IN_A_PROJECT | IN_A_DATASET:
        said["role"] = ProjectRole.VIEWER if action in IN_A_PROJECT else DatasetRole.VIEWER
    names = [name for name, field in kind.model_fields.items() if field.is_required() or name == on]
    return kind.model_validate({name: said.get(name, _id(name)) for name in names})


def _id(name: str) -> UUID:
    return TARGETS.get(name.removesuffix("_id"), NEW)


def unit(house: Spec, caller: Caller, kind: type[Unit] = Unit) -> Unit:
    return kind(house.ledger, house.mapper, Errand(caller=caller, now=house.now, command_id=uuid7()))


def explained(house: Spec, action: str, target: UUID | None, caller: Caller) -> Explained:
    store = unit(house, caller)
    return explain(action, target, caller, store, house.dispatch.secrets(store))


def target_of(action: str) -> UUID | None:
    rule = ACTIONS[action]
    return TARGETS[rule.on.TOPIC] if rule.on else None


REFUSALS: Final = (
    Forbidden,
    AddressIsNotVerified,
    GuestOwnsAProject,
    MemberOwnsProjects,
    OrganizationIsFull,
    OrganizationNeedsAnAdmin,
    TooManyServiceAccounts,
    TooManyTokens,
)
"""What explaining tells beforehand; other refusals are of what was said, or of the state that a thing is in."""


def decided(house: Spec, action: str, target: UUID | None, caller: Caller) -> bool:
    """By the command itself, up to the moment at which it would be saved."""
    command, trial = wish(action, target), unit(house, caller, Trial)
    try:
        house.dispatch._handle(command, trial)
    except REFUSALS:
        return False
    except (DomainError, Decided):
        return True
    raise AssertionError("every command saves or notes something")


def told(house: Spec, action: str, target: UUID | None, caller: Caller = ann) -> Explained:
    found = explained(house, action, target, caller)
    assert found.allowed is decided(house, action, target, caller), found
    return found


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("place", [None, *ProjectRole, *DatasetRole], ids=repr)
def test_what_is_explained_is_what_is_decided(house: Spec, role: Role, place: Place | None) -> None:
    house.given(ChangeRole(membership_id=membership_id(ACME, BEN), role=role))
    if isinstance(place, ProjectRole):
        house.given(AddProjectMember(project_id=CELLS, person_id=BEN, role=place))
    elif place:
        house.given(AddDatasetMember(dataset_id=CRACKS, person_id=BEN, role=place))
    for action in ACTIONS:
        assert told(house, action, target_of(action)).allowed, action
        found = told(house, action, target_of(action), ben)
        # By identity: a place of a project may be called as one of a dataset is.
        assert found.allowed is (role in found.roles or any(each is place for each in found.places)), action


def test_why_not_and_what_would_be_enough_is_said(house: Spec) -> None:
    found = explained(house, "rename_project", CELLS, ben)
    assert (found.allowed, found.owner) == (False, True)
    assert found.why == "the role guest does not include change_project on what is not yours"
    assert (found.roles, found.places) == ((Role.ADMIN, Role.MANAGER), (ProjectRole.MAINTAINER,))


def test_a_place_in_a_dataset_is_said_to_be_why(house: Spec) -> None:
    found = explained(house, "make_split", CRACKS, ben)
    assert (found.allowed, found.owner) == (False, True)
    assert found.places == (DatasetRole.MAINTAINER, DatasetRole.EDITOR)
    house.given(AddDatasetMember(dataset_id=CRACKS, person_id=BEN, role=DatasetRole.EDITOR))
    assert explained(house, "make_split", CRACKS, ben).why == "your place in the dataset includes change_dataset"


@pytest.mark.parametrize(
    ("action", "target", "refusal"),
    [
        ("rule_the_world", None, Invalid),
        ("rename_project", None, Invalid),
        ("create_project", CELLS, Invalid),
        ("rename_project", UUID(int=9), NotFound),
        ("rename_project", CRACKS, NotFound),
    ],
)
def test_what_makes_no_sense_is_refused(
    house: Spec, action: str, target: UUID | None, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        explained(house, action, target, ann)


def test_of_another_organization_and_to_one_who_waits_nothing_is_told(house: Spec) -> None:
    with pytest.raises(NotFound):
        explained(house, "rename_project", CELLS, eve)
    with pytest.raises(Forbidden):
        explained(house, "rename_project", CELLS, cat)


def test_the_organization_that_is_meant_is_ones_own(house: Spec) -> None:
    assert explained(house, "change_organization", None, ann).allowed
    assert not explained(house, "change_organization", None, ben).allowed
    with pytest.raises(NotFound):
        explained(house, "change_organization", ACME, eve)


def change_role(of: UUID, role: Role) -> ChangeRole:
    return ChangeRole(membership_id=membership_id(ACME, of), role=role)


def test_a_guest_who_owns_a_project_is_told_that_another_role_is_needed(house: Spec) -> None:
    house.given(OfferProject(project_id=CELLS, person_id=BEN)).by(ben)
    assert told(house, "create_project", None, ben).allowed
    house.given(CreateProject(project_id=OTHER, name="mine"))
    for action in ("create_project", "accept_project"):
        found = told(house, action, None, ben)
        assert (found.allowed, Role.GUEST in found.roles, Role.ENGINEER_I in found.roles) == (False, False, True)
        assert "a guest may own one project" in found.why
    house.given(DeleteProject(project_id=OTHER), CreateProject(project_id=UUID(int=3), name="instead"))
    assert not told(house, "undelete_project", OTHER, ben).allowed
    assert told(house, "undelete_project", OTHER).roles == ()
    assert told(house, "create_project", None).allowed


def test_no_program_owns_a_project(house: Spec) -> None:
    found = told(house, "create_project", None, service(EXPORTER))
    assert (found.allowed, found.roles) == (False, ())


def test_whoever_is_not_verified_is_told_that_nothing_lets_them_do_more_than_read(house: Spec) -> None:
    dan = Caller(kind="person", id=DAN, organization_id=ACME)
    house.by(NOBODY).given(register(DAN, "dan")).by(ann).given(approve(DAN, Role.ADMIN))
    for action, rule in ACTIONS.items():
        found = told(house, action, target_of(action), dan)
        if not rule.unverified:
            assert (found.allowed, found.roles, found.places, found.owner) == (False, (), (), False), action
            assert "is not verified" in found.why
    assert not told(house, "revoke_token", NIGHTLY, dan).allowed, "it is another person's"
    house.by(NOBODY).given(verify(DAN))
    assert told(house, "invite_to_organization", ACME, dan).allowed


def test_whoever_manages_members_does_so_below_the_own_role(house: Spec) -> None:
    house.given(change_role(BEN, Role.MANAGER), approve(CAT, Role.MANAGER), change_role(CAT, Role.ADMIN))
    cats = membership_id(ACME, CAT)
    actions = ("change_role", "rename_member", "deactivate_member", "reactivate_member", "remove_member")
    for action in (*actions, "reset_second_factor"):
        found = told(house, action, cats, ben)
        assert (found.allowed, found.roles) == (False, (Role.ADMIN,)), action
        assert told(house, action, cats).allowed
    assert not told(house, "reset_second_factor", membership_id(ACME, ANN)).allowed


def test_a_service_account_is_managed_below_the_own_role(house: Spec) -> None:
    house.given(change_role(BEN, Role.MANAGER), ChangeServiceRole(service_account_id=EXPORTER, role=Role.MANAGER))
    of_accounts = [each for each, rule in ACTIONS.items() if rule.permission is Permission.MANAGE_SERVICE_ACCOUNTS]
    for action in of_accounts:
        assert told(house, action, target_of(action), ben).allowed is (action == "create_service_account"), action


def test_an_invitation_is_ended_and_sent_again_by_whoever_could_send_it(house: Spec) -> None:
    house.given(change_role(BEN, Role.MANAGER), invite("fay@example.org", invitation_id=NEW, role=Role.ADMIN))
    for action in ("cancel_invitation", "resend_invitation"):
        assert told(house, action, NEW, ben).roles == (Role.ADMIN,)
        assert told(house, action, ASKED, ben).allowed


def test_where_a_quota_is_used_up_no_role_is_enough(house: Spec) -> None:
    cats, bens = membership_id(ACME, CAT), membership_id(ACME, BEN)
    house.given(DeactivateMember(membership_id=bens), ChangeOrganization(organization_id=ACME, max_users=2))
    for action, target in (("approve_member", cats), ("reactivate_member", bens)):
        assert told(house, action, target).allowed
    # One address is invited already.
    assert "quota max_users" in told(house, "invite_to_organization", ACME).why
    house.given(ChangeOrganization(organization_id=ACME, max_users=1))
    for action, target in (("approve_member", cats), ("reactivate_member", bens)):
        found = told(house, action, target)
        assert (found.allowed, found.roles) == (False, ())
        assert "quota max_users" in found.why


def test_who_has_as_many_tokens_or_accounts_as_there_may_be_is_told_so(house: Spec) -> None:
    house.given(*(create_token(UUID(int=1000 + n), f"{n:064}") for n in range(MOST_OF_AN_OWNER - 1)))
    house.given(*(create_account(UUID(int=2000 + n)) for n in range(MOST_SERVICE_ACCOUNTS - 1)))
    for action in ("create_token", "create_service_account"):
        assert (told(house, action, None).allowed, told(house, action, None).roles) == (False, ())
    assert told(house, "create_service_token", EXPORTER).allowed


def test_whoever_is_needed_is_not_removed(house: Spec) -> None:
    house.given(change_role(BEN, Role.ADMIN))
    anns = membership_id(ACME, ANN)
    assert (told(house, "deactivate_member", anns).allowed, told(house, "remove_member", anns).allowed) == (True, False)
    house.given(change_role(BEN, Role.GUEST))
    assert not told(house, "deactivate_member", anns).allowed
