"""What is explained is what is decided: every action, as every role, on one's own and on others' things."""

from types import SimpleNamespace
from typing import Any, Final, cast
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.access import Caller
from commands.dataset import AddDatasetMember
from commands.membership import ChangeRole
from commands.permission import ACTIONS, explain
from commands.project import AddProjectMember
from domain.errors import Forbidden, Invalid, NotFound
from domain.membership import membership_id
from domain.roles import DatasetRole, Place, ProjectRole, Role
from infra.unit import Errand, Unit
from tests.commands.conftest import ACME, ANN, BEN, CAT, ann, approve, ben, cat, eve, verify
from tests.commands.test_api_token import NIGHTLY, nightly
from tests.commands.test_dataset import CRACKS, ONE, split, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import create as experiment
from tests.commands.test_invitation import ASKED, into_project
from tests.commands.test_project import CELLS
from tests.commands.test_project import create as project
from tests.commands.test_service_account import EXPORTER, exporter
from tests.commands.test_training_job import JOB, request
from tests.spec import START, Spec

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
    spec.given(verify(ANN), approve(BEN, Role.GUEST), project, dataset)
    return spec.given(upload(spec, ONE), split, experiment, request(), nightly, exporter, into_project())


def store(house: Spec, caller: Caller) -> Unit:
    return Unit(house.ledger, house.mapper, Errand(caller=caller, now=START, command_id=uuid7()))


def target_of(action: str) -> UUID | None:
    rule = ACTIONS[action]
    return TARGETS[rule.on.TOPIC] if rule.on else None


def decided(house: Spec, action: str, caller: Caller) -> bool:
    rule = ACTIONS[action]
    wish = cast(Any, SimpleNamespace(**{rule.field: target_of(action)}))
    try:
        rule.admit(wish, caller, store(house, caller))
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("place", [None, *ProjectRole, *DatasetRole], ids=repr)
def test_what_is_explained_is_what_is_decided(house: Spec, role: Role, place: Place | None) -> None:
    house.given(ChangeRole(membership_id=membership_id(ACME, BEN), role=role))
    if isinstance(place, ProjectRole):
        house.given(AddProjectMember(project_id=CELLS, person_id=BEN, role=place))
    elif place:
        house.given(AddDatasetMember(dataset_id=CRACKS, person_id=BEN, role=place))
    for action in ACTIONS:
        owner = explain(action, target_of(action), ann, store(house, ann))
        assert owner.allowed is decided(house, action, ann) is True, action
        found = explain(action, target_of(action), ben, store(house, ben))
        assert found.allowed is decided(house, action, ben), action
        # By identity: a place of a project may be called as one of a dataset is.
        assert found.allowed is (role in found.roles or any(each is place for each in found.places)), action


def test_why_not_and_what_would_be_enough_is_said(house: Spec) -> None:
    found = explain("rename_project", CELLS, ben, store(house, ben))
    assert (found.allowed, found.owner) == (False, True)
    assert found.why == "the role guest does not include change_project on what is not yours"
    assert (found.roles, found.places) == ((Role.ADMIN, Role.MANAGER), (ProjectRole.MAINTAINER,))


def test_a_place_in_a_dataset_is_said_to_be_why(house: Spec) -> None:
    found = explain("make_split", CRACKS, ben, store(house, ben))
    assert (found.allowed, found.owner) == (False, True)
    assert found.places == (DatasetRole.MAINTAINER, DatasetRole.EDITOR)
    house.given(AddDatasetMember(dataset_id=CRACKS, person_id=BEN, role=DatasetRole.EDITOR))
    assert (
        explain("make_split", CRACKS, ben, store(house, ben)).why == "your place in the dataset includes change_dataset"
    )


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
        explain(action, target, ann, store(house, ann))


def test_of_another_organization_and_to_one_who_waits_nothing_is_told(house: Spec) -> None:
    with pytest.raises(NotFound):
        explain("rename_project", CELLS, eve, store(house, eve))
    with pytest.raises(Forbidden):
        explain("rename_project", CELLS, cat, store(house, cat))


def test_the_organization_that_is_meant_is_ones_own(house: Spec) -> None:
    assert explain("change_organization", None, ann, store(house, ann)).allowed
    assert not explain("change_organization", None, ben, store(house, ben)).allowed
    with pytest.raises(NotFound):
        explain("change_organization", ACME, eve, store(house, eve))
