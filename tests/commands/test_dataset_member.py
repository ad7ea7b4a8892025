"""Who is in a dataset, and what a place there adds; what all shared things have alike is asked of projects."""

from functools import partial
from uuid import UUID

import pytest

from commands.access import Caller, Command
from commands.dataset import (
    AcceptDataset,
    AddDatasetMember,
    ChangeDatasetRole,
    DeclineDataset,
    LeaveDataset,
    OfferDataset,
    RemoveDatasetMember,
    VacateDataset,
    WithdrawDataset,
)
from commands.membership import RemoveMember
from commands.shared import PersonIsNoMember
from commands.training_job import CancelTraining
from domain.dataset import Dataset, Visibility
from domain.errors import Forbidden, NotFound
from domain.membership import membership_id
from domain.model import SYSTEM
from domain.roles import DatasetRole, Role
from domain.shared import OwnerIsNeeded, OwnershipIsNotOffered, PersonHasAPlace, PersonHasNoPlace
from domain.training_job import TrainingJob
from tests.commands.conftest import ACME, ANN, BEN, CAT, EVE, ann, approve, ben, cat, eve
from tests.commands.test_dataset import CRACKS, ONE, create, snapshot, split, upload
from tests.commands.test_experiment import create as experiment
from tests.commands.test_project import create as project
from tests.commands.test_training_job import JOB, request
from tests.spec import Spec

private = create.model_copy(update={"visibility": Visibility.PRIVATE})
add_ben = AddDatasetMember(dataset_id=CRACKS, person_id=BEN)
offer_ben = OfferDataset(dataset_id=CRACKS, person_id=BEN)
accept, leave = AcceptDataset(dataset_id=CRACKS), LeaveDataset(dataset_id=CRACKS)


def placed(role: DatasetRole) -> AddDatasetMember:
    return AddDatasetMember(dataset_id=CRACKS, person_id=BEN, role=role)


def test_a_member_of_the_organization_becomes_one_of_the_dataset(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST))
    spec.when(add_ben).then((Dataset.MemberAdded, {"person_id": BEN, "role": DatasetRole.VIEWER}))
    spec.when(add_ben).then()
    spec.when(placed(DatasetRole.EDITOR)).then_refused(PersonHasAPlace, "change the role")
    spec.when(ChangeDatasetRole(dataset_id=CRACKS, person_id=BEN, role=DatasetRole.EDITOR)).then(
        (Dataset.MemberRoleChanged, {"person_id": BEN, "previous": DatasetRole.VIEWER, "role": DatasetRole.EDITOR})
    )


def test_only_members_of_the_organization_come_into_a_dataset(spec: Spec) -> None:
    spec.given(create)
    for wish in (AddDatasetMember, OfferDataset):
        spec.when(wish(dataset_id=CRACKS, person_id=BEN)).then_refused(PersonIsNoMember)


def test_whoever_is_of_another_organization_is_nobody_to_a_dataset(spec: Spec) -> None:
    spec.given(create)
    change = partial(ChangeDatasetRole, role=DatasetRole.EDITOR)
    for wish in (AddDatasetMember, OfferDataset, RemoveDatasetMember, change):
        for person in (EVE, UUID(int=999)):
            spec.when(wish(dataset_id=CRACKS, person_id=person)).then_refused(NotFound, f"no person {person}")


@pytest.mark.parametrize(
    ("role", "may"), [(DatasetRole.VIEWER, False), (DatasetRole.EDITOR, True), (DatasetRole.MAINTAINER, True)]
)
def test_a_guest_changes_a_dataset_where_its_place_allows_it(spec: Spec, role: DatasetRole, may: bool) -> None:
    spec.given(create, upload(spec, ONE), approve(BEN, Role.GUEST)).by(ben).when(split).then_refused(Forbidden)
    spec.by(ann).given(placed(role)).by(ben).when(split)
    if may:
        spec.then((Dataset.SplitMade, {}))
    else:
        spec.then_refused(Forbidden, "change_dataset")


@pytest.mark.parametrize(
    ("role", "wish", "may"),
    [
        (DatasetRole.EDITOR, AddDatasetMember(dataset_id=CRACKS, person_id=CAT), False),
        (DatasetRole.EDITOR, RemoveDatasetMember(dataset_id=CRACKS, person_id=BEN), False),
        (DatasetRole.MAINTAINER, AddDatasetMember(dataset_id=CRACKS, person_id=CAT, role=DatasetRole.MAINTAINER), True),
        (DatasetRole.MAINTAINER, OfferDataset(dataset_id=CRACKS, person_id=CAT), False),
    ],
)
def test_a_maintainer_manages_members_and_hands_nothing_over(
    spec: Spec, role: DatasetRole, wish: Command, may: bool
) -> None:
    spec.given(create, approve(BEN, Role.ENGINEER_I), approve(CAT, Role.GUEST), placed(role)).by(ben).when(wish)
    if may:
        spec.then((Dataset.MemberAdded, {"person_id": CAT}))
    else:
        spec.then_refused(Forbidden)


def test_an_engineer_decides_who_is_in_its_own_datasets_only(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.ENGINEER_II), approve(CAT, Role.GUEST)).by(ben)
    spec.when(AddDatasetMember(dataset_id=CRACKS, person_id=CAT)).then_refused(Forbidden, "not yours")


def test_a_private_dataset_is_found_by_whoever_has_a_place_and_only_while_they_have(spec: Spec) -> None:
    spec.given(private, upload(spec, ONE), approve(BEN, Role.ENGINEER_II)).by(ben)
    spec.when(snapshot("v1")).then_refused(NotFound)
    spec.by(ann).given(add_ben).by(ben).when(snapshot("v1")).then((Dataset.SnapshotTaken, {}))
    spec.given(leave).when(snapshot("v2")).then_refused(NotFound)


def test_what_was_trained_from_a_private_dataset_is_shown_to_whoever_has_a_place(spec: Spec) -> None:
    spec.given(project, experiment, private, upload(spec, ONE), split, request(), approve(BEN, Role.MANAGER)).by(ben)
    spec.when(CancelTraining(job_id=JOB)).then_refused(NotFound)
    spec.by(ann).given(add_ben).by(ben).when(CancelTraining(job_id=JOB)).then((TrainingJob.Cancelled, {}))


def test_a_member_is_removed_or_leaves_and_the_owner_stays(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST), add_ben, offer_ben)
    spec.when(RemoveDatasetMember(dataset_id=CRACKS, person_id=BEN)).then(
        (Dataset.MemberRemoved, {"person_id": BEN, "role": DatasetRole.VIEWER}),
        (Dataset.OwnershipDeclined, {"person_id": BEN}),
    )
    spec.given(add_ben).by(ben).when(leave).then((Dataset.MemberRemoved, {"person_id": BEN}))
    spec.when(leave).then_refused(PersonHasNoPlace)
    spec.by(ann).when(leave).then_refused(OwnerIsNeeded, "hand it over")
    spec.when(RemoveDatasetMember(dataset_id=CRACKS, person_id=ANN)).then_refused(OwnerIsNeeded, "dataset")


def test_a_private_dataset_is_handed_over_once_the_other_accepts(spec: Spec) -> None:
    spec.given(private, approve(BEN, Role.GUEST)).by(ben).when(accept).then_refused(NotFound)
    spec.by(ann).when(offer_ben).then((Dataset.OwnershipOffered, {"person_id": BEN}))
    spec.by(ben).when(accept).then(
        (Dataset.OwnershipAccepted, {"person_id": BEN, "previous": ANN, "previous_role": DatasetRole.MAINTAINER})
    )
    spec.when(RemoveDatasetMember(dataset_id=CRACKS, person_id=ANN)).then((Dataset.MemberRemoved, {"person_id": ANN}))
    spec.when(accept).then_refused(OwnershipIsNotOffered)


def test_an_offer_is_declined_or_withdrawn_and_taken_by_nobody_else(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST), approve(CAT, Role.GUEST), offer_ben).by(cat)
    spec.when(accept).then_refused(OwnershipIsNotOffered)
    spec.when(DeclineDataset(dataset_id=CRACKS)).then_refused(OwnershipIsNotOffered)
    spec.when(WithdrawDataset(dataset_id=CRACKS)).then_refused(Forbidden)
    spec.by(ben).when(DeclineDataset(dataset_id=CRACKS)).then((Dataset.OwnershipDeclined, {"person_id": BEN}))
    spec.by(ann).given(offer_ben).when(WithdrawDataset(dataset_id=CRACKS))
    spec.then((Dataset.OwnershipDeclined, {"person_id": BEN}))


def test_whoever_left_the_organization_keeps_no_place_in_what_was_theirs(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I), approve(CAT, Role.ENGINEER_I)).by(ben).given(create).by(ann)
    spec.given(RemoveMember(membership_id=membership_id(ACME, BEN)), OfferDataset(dataset_id=CRACKS, person_id=CAT))
    spec.by(cat).when(accept).then((Dataset.OwnershipAccepted, {"previous": BEN, "previous_role": None}))
    spec.when(RemoveDatasetMember(dataset_id=CRACKS, person_id=BEN)).then_refused(PersonHasNoPlace)


@pytest.mark.parametrize(
    "wish",
    [add_ben, RemoveDatasetMember(dataset_id=CRACKS, person_id=BEN), offer_ben, accept, leave],
    ids=lambda wish: type(wish).__name__,
)
def test_another_organizations_dataset_is_not_found(spec: Spec, wish: Command) -> None:
    spec.given(create, approve(BEN, Role.GUEST)).by(eve).when(wish).then_refused(NotFound)


def test_whoever_left_the_organization_is_put_out_by_the_platform_alone(spec: Spec) -> None:
    vacate = VacateDataset(dataset_id=CRACKS, person_id=BEN, upto=10)
    spec.given(create, approve(BEN, Role.GUEST), add_ben, offer_ben).when(vacate).then_refused(Forbidden)
    spec.by(Caller(kind="system", id=SYSTEM)).when(vacate).then(
        (Dataset.MemberRemoved, {"person_id": BEN}), (Dataset.OwnershipDeclined, {"person_id": BEN})
    )
    spec.when(vacate).then()
    spec.by(ann).given(offer_ben).by(Caller(kind="system", id=SYSTEM)).when(vacate)
    spec.then((Dataset.OwnershipDeclined, {"person_id": BEN}))
    spec.when(VacateDataset(dataset_id=CRACKS, person_id=ANN, upto=10)).then()


def test_what_was_given_after_the_membership_began_again_is_not_taken_away(spec: Spec) -> None:
    spec.given(create, approve(BEN, Role.GUEST), offer_ben, add_ben).by(Caller(kind="system", id=SYSTEM))
    spec.when(VacateDataset(dataset_id=CRACKS, person_id=BEN, upto=1)).then()
    spec.when(VacateDataset(dataset_id=CRACKS, person_id=BEN, upto=2))
    spec.then((Dataset.OwnershipDeclined, {"person_id": BEN}))
    spec.when(VacateDataset(dataset_id=CRACKS, person_id=BEN, upto=3))
    spec.then((Dataset.MemberRemoved, {"person_id": BEN}))
