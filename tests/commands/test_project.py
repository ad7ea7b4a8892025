from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.access import Command
from commands.experiment import CreateExperiment
from commands.membership import RemoveMember
from commands.project import (
    AcceptProject,
    AddProjectMember,
    ArchiveProject,
    ChangeProjectRole,
    CreateProject,
    DeclineProject,
    DeleteProject,
    DescribeProject,
    LeaveProject,
    OfferProject,
    RemoveProjectMember,
    RenameProject,
    RestoreProject,
    UndeleteProject,
    WithdrawProject,
)
from commands.shared import PersonIsNoMember
from domain.errors import Conflict, Forbidden, KeyReused, NotFound
from domain.experiment import Experiment
from domain.membership import GuestOwnsAProject, Membership, membership_id
from domain.project import Project, ProjectIsArchived
from domain.roles import Permission, ProjectRole, Role
from domain.shared import OwnerIsNeeded, OwnershipIsNotOffered, PersonHasAPlace, PersonHasNoPlace
from domain.trash import IsDeleted
from tests.commands.conftest import ACME, ANN, BEN, CAT, EVE, ann, approve, ben, cat, eve
from tests.spec import Spec

CELLS, OTHER = UUID(int=1), UUID(int=2)
create = CreateProject(project_id=CELLS, name="cells")
rename = RenameProject(project_id=CELLS, name="blood cells")
describe = DescribeProject(project_id=CELLS, description="of blood")
archive = ArchiveProject(project_id=CELLS)
restore = RestoreProject(project_id=CELLS)
add_ben = AddProjectMember(project_id=CELLS, person_id=BEN)
offer_ben = OfferProject(project_id=CELLS, person_id=BEN)
accept = AcceptProject(project_id=CELLS)
trial = CreateExperiment(experiment_id=UUID(int=21), project_id=CELLS, name="trial")


def test_whoever_creates_a_project_owns_it(spec: Spec) -> None:
    spec.when(create).then(
        (Project.Created, {"name": "cells", "owner_id": ANN}), (Membership.ProjectOwned, {"project_id": CELLS})
    )


def test_a_new_name_is_recorded_with_the_old_one(spec: Spec) -> None:
    spec.given(create).when(rename).then((Project.Renamed, {"previous": "cells", "name": "blood cells"}))


def test_the_same_name_again_is_no_change(spec: Spec) -> None:
    spec.given(create, rename).when(rename).then()


def test_creating_again_is_a_conflict(spec: Spec) -> None:
    spec.given(create).when(create).then_refused(Conflict)


def test_a_guest_owns_one_project(spec: Spec) -> None:
    spec.given(approve(BEN, Role.GUEST)).by(ben).given(create)
    spec.when(CreateProject(project_id=OTHER, name="more")).then_refused(GuestOwnsAProject, "one project")


def test_an_engineer_owns_many(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I)).by(ben).given(create)
    spec.when(CreateProject(project_id=OTHER, name="more")).then((Project.Created, {}), (Membership.ProjectOwned, {}))


def test_an_engineer_changes_its_own_projects_only(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.ENGINEER_I)).by(ben).when(rename).then_refused(Forbidden, "not yours")


def test_another_organizations_project_is_not_found(spec: Spec) -> None:
    spec.given(create).by(eve).when(rename).then_refused(NotFound)


def test_a_command_that_is_tried_again_is_done_once(spec: Spec) -> None:
    once = uuid7()
    first = spec.do(create, command_id=once, fingerprint=b"body")
    length = len(spec.ledger.rows)
    assert spec.do(create, command_id=once, fingerprint=b"body") == first
    assert len(spec.ledger.rows) == length


def test_a_key_is_good_for_one_request(spec: Spec) -> None:
    once = uuid7()
    spec.do(create, command_id=once, fingerprint=b"body")
    with pytest.raises(KeyReused):
        spec.do(create, command_id=once, fingerprint=b"another body")


def test_a_description_is_recorded_with_the_old_one(spec: Spec) -> None:
    spec.given(create).when(describe).then((Project.Described, {"previous": "", "description": "of blood"}))
    spec.when(describe).then()


def test_an_archived_project_takes_nothing_until_it_is_restored(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST)).when(archive).then((Project.Archived, {}))
    for wish in (rename, describe, add_ben, trial):
        spec.when(wish).then_refused(ProjectIsArchived, "restore it first")
    spec.when(restore).then((Project.Restored, {}))
    spec.when(rename).then((Project.Renamed, {}))


def test_archiving_twice_records_it_once(spec: Spec) -> None:
    spec.given(create, archive).when(archive).then()
    spec.given(restore).when(restore).then()


def test_a_member_of_the_organization_becomes_one_of_the_project(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST))
    spec.when(add_ben).then((Project.MemberAdded, {"person_id": BEN, "role": ProjectRole.MEMBER}))
    spec.when(add_ben).then()


def test_only_members_of_the_organization_come_into_a_project(spec: Spec) -> None:
    spec.given(create)
    for wish in (AddProjectMember, OfferProject):
        spec.when(wish(project_id=CELLS, person_id=BEN)).then_refused(PersonIsNoMember)


def test_whoever_is_of_another_organization_is_nobody_to_a_project(spec: Spec) -> None:
    spec.given(create)
    change = partial(ChangeProjectRole, role=ProjectRole.VIEWER)
    for wish in (AddProjectMember, OfferProject, RemoveProjectMember, change):
        for person in (EVE, UUID(int=999)):
            spec.when(wish(project_id=CELLS, person_id=person)).then_refused(NotFound, f"no person {person}")


def test_an_owner_is_no_member_beside_that(spec: Spec) -> None:
    spec.given(create).when(AddProjectMember(project_id=CELLS, person_id=ANN)).then_refused(PersonHasAPlace)


def test_a_place_in_a_project_is_changed_with_the_old_one(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST), add_ben)
    change = ChangeProjectRole(project_id=CELLS, person_id=BEN, role=ProjectRole.VIEWER)
    spec.when(change).then(
        (Project.MemberRoleChanged, {"previous": ProjectRole.MEMBER, "role": ProjectRole.VIEWER, "person_id": BEN})
    )
    spec.when(add_ben).then_refused(PersonHasAPlace, "change the role")


@pytest.mark.parametrize(("role", "may"), [(ProjectRole.VIEWER, False), (ProjectRole.MEMBER, True)])
def test_a_guest_works_in_a_project_where_its_place_allows_it(spec: Spec, role: ProjectRole, may: bool) -> None:
    spec.given(create, approve(BEN, Role.GUEST), add_ben.model_copy(update={"role": role})).by(ben).when(trial)
    if may:
        spec.then((Experiment.Created, {}))
    else:
        spec.then_refused(Forbidden)


@pytest.mark.parametrize(
    ("wish", "may"),
    [
        (rename, True),
        (AddProjectMember(project_id=CELLS, person_id=CAT), True),
        (OfferProject(project_id=CELLS, person_id=CAT), False),
    ],
    ids=["rename", "add", "hand over"],
)
def test_a_maintainer_does_all_but_hand_the_project_over(spec: Spec, wish: Command, may: bool) -> None:
    maintainer = add_ben.model_copy(update={"role": ProjectRole.MAINTAINER})
    spec.given(create, approve(BEN, Role.GUEST), approve(CAT, Role.GUEST), maintainer).by(ben).when(wish)
    if not may:
        spec.then_refused(Forbidden)
    else:
        assert spec.events()[-1].originator_id == CELLS


def test_a_member_is_removed_or_leaves(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST), add_ben)
    spec.when(RemoveProjectMember(project_id=CELLS, person_id=BEN)).then((Project.MemberRemoved, {"person_id": BEN}))
    spec.given(add_ben).by(ben).when(LeaveProject(project_id=CELLS)).then((Project.MemberRemoved, {"person_id": BEN}))
    spec.when(LeaveProject(project_id=CELLS)).then_refused(PersonHasNoPlace)


def test_an_owner_cannot_leave_or_be_removed(spec: Spec) -> None:
    spec.given(create).when(LeaveProject(project_id=CELLS)).then_refused(OwnerIsNeeded, "hand it over")
    spec.when(RemoveProjectMember(project_id=CELLS, person_id=ANN)).then_refused(OwnerIsNeeded)


def test_a_project_is_handed_over_once_the_other_accepts(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.ENGINEER_I), add_ben)
    spec.when(offer_ben).then((Project.OwnershipOffered, {"person_id": BEN}))
    spec.by(ben).when(accept).then(
        (Project.OwnershipAccepted, {"previous": ANN, "previous_role": ProjectRole.MAINTAINER, "person_id": BEN}),
        (Membership.ProjectReleased, {"project_id": CELLS}),
        (Membership.ProjectOwned, {"project_id": CELLS}),
    )
    spec.when(RemoveProjectMember(project_id=CELLS, person_id=ANN)).then((Project.MemberRemoved, {"person_id": ANN}))


def test_a_project_that_is_not_offered_is_not_taken(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.ENGINEER_I), approve(CAT, Role.ENGINEER_I)).by(ben)
    spec.when(accept).then_refused(OwnershipIsNotOffered)
    spec.when(DeclineProject(project_id=CELLS)).then_refused(OwnershipIsNotOffered)
    spec.by(cat).when(OfferProject(project_id=CELLS, person_id=CAT)).then_refused(Forbidden)


def test_a_guest_that_owns_one_accepts_no_second_project(spec: Spec) -> None:
    mine = CreateProject(project_id=OTHER, name="mine")
    spec.given(create, approve(BEN, Role.GUEST), offer_ben).by(ben).given(mine)
    spec.when(accept).then_refused(GuestOwnsAProject)


def test_an_offer_is_declined_or_withdrawn(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST), offer_ben)
    spec.when(WithdrawProject(project_id=CELLS)).then((Project.OwnershipDeclined, {"person_id": BEN}))
    spec.given(offer_ben).by(ben).when(DeclineProject(project_id=CELLS))
    spec.then((Project.OwnershipDeclined, {"person_id": BEN}))
    spec.when(accept).then_refused(OwnershipIsNotOffered)


def test_a_guest_who_owns_a_project_opens_the_machines_to_nobody(spec: Spec) -> None:
    """Nobody gives away what they do not have, neither by a place nor by handing over."""
    mine = CreateProject(project_id=OTHER, name="mine")
    spec.given(approve(BEN, Role.GUEST), approve(CAT, Role.GUEST)).by(ben).given(mine)
    for role in (ProjectRole.MEMBER, ProjectRole.MAINTAINER):
        spec.when(AddProjectMember(project_id=OTHER, person_id=CAT, role=role))
        spec.then_refused(Forbidden, "request_training")
    spec.given(AddProjectMember(project_id=OTHER, person_id=CAT, role=ProjectRole.VIEWER))
    spec.when(ChangeProjectRole(project_id=OTHER, person_id=CAT, role=ProjectRole.MEMBER))
    spec.then_refused(Forbidden, "request_training")
    spec.given(OfferProject(project_id=OTHER, person_id=CAT)).by(cat).given(AcceptProject(project_id=OTHER))
    assert [event for event in spec.events() if isinstance(event, Project.OwnershipAccepted)][
        -1
    ].previous_role == "viewer"


def test_an_owner_stops_what_members_train_in_the_project(spec: Spec) -> None:
    """Also one whose role in the organization reaches its own trainings only."""
    project = Project.create(CELLS, UUID(int=7), ANN, "cells", "", spec.now)
    assert project.lets(ANN, Permission.CHANGE_TRAINING)
    assert not project.lets(ANN, Permission.REQUEST_TRAINING)
    assert not project.lets(BEN, Permission.CHANGE_TRAINING)


def test_whoever_is_removed_is_offered_nothing_any_more(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.ENGINEER_I), add_ben, offer_ben)
    spec.when(RemoveProjectMember(project_id=CELLS, person_id=BEN)).then(
        (Project.MemberRemoved, {"person_id": BEN}), (Project.OwnershipDeclined, {"person_id": BEN})
    )
    spec.by(ben).when(accept).then_refused(OwnershipIsNotOffered)


def test_a_project_in_the_trash_takes_nothing_in_and_is_owned_by_nobody(spec: Spec) -> None:
    spec.given(create).when(DeleteProject(project_id=CELLS)).then(
        (Project.Deleted, {"purge_at": spec.now + timedelta(days=30)}),
        (Membership.ProjectReleased, {"project_id": CELLS}),
    )
    spec.when(DeleteProject(project_id=CELLS)).then()
    for wish in (
        RenameProject(project_id=CELLS, name="x"),
        ArchiveProject(project_id=CELLS),
        RestoreProject(project_id=CELLS),
        OfferProject(project_id=CELLS, person_id=ANN),
        CreateExperiment(experiment_id=UUID(int=77), project_id=CELLS, name="x"),
    ):
        spec.when(wish).then_refused(IsDeleted, "undelete")


def test_out_of_the_trash_a_project_is_as_it_was(spec: Spec) -> None:
    spec.given(create, DeleteProject(project_id=CELLS)).when(UndeleteProject(project_id=CELLS)).then(
        (Project.Undeleted, {}), (Membership.ProjectOwned, {"project_id": CELLS})
    )
    spec.when(UndeleteProject(project_id=CELLS)).then()
    spec.given(RenameProject(project_id=CELLS, name="as ever"))


def test_a_guest_who_began_another_project_since_takes_none_out(spec: Spec) -> None:
    mine, other = create.model_copy(update={"name": "mine"}), UUID(int=78)
    spec.given(approve(BEN, Role.GUEST)).by(ben).given(mine, DeleteProject(project_id=CELLS))
    spec.given(CreateProject(project_id=other, name="other"))
    spec.when(UndeleteProject(project_id=CELLS)).then_refused(GuestOwnsAProject)
    spec.given(DeleteProject(project_id=other), UndeleteProject(project_id=CELLS))


def test_what_is_offered_is_offered_no_more_once_it_is_deleted(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.ENGINEER_I), OfferProject(project_id=CELLS, person_id=BEN))
    spec.given(DeleteProject(project_id=CELLS)).by(ben)
    spec.when(AcceptProject(project_id=CELLS)).then_refused(OwnershipIsNotOffered)


def test_whose_owner_is_gone_stays_in_the_trash(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I)).by(ben).given(create, DeleteProject(project_id=CELLS)).by(ann)
    spec.given(RemoveMember(membership_id=membership_id(ACME, BEN)))
    spec.when(UndeleteProject(project_id=CELLS)).then_refused(PersonIsNoMember, "owner")


def test_a_maintainer_does_not_delete(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I), create)
    spec.given(AddProjectMember(project_id=CELLS, person_id=BEN, role=ProjectRole.MAINTAINER)).by(ben)
    spec.when(DeleteProject(project_id=CELLS)).then_refused(Forbidden, "delete_project")
