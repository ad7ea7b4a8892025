from datetime import timedelta
from uuid import UUID

import pytest

from commands.access import Caller, Command
from commands.dataset import MakeSplit, TakeSnapshot
from commands.project import DeleteProject, RenameProject, UndeleteProject
from commands.training_job import CancelTraining, RunAgain
from commands.trash import (
    DeleteDataset,
    PurgeDataset,
    PurgeDatasetInTime,
    PurgeProject,
    PurgeProjectInTime,
    UndeleteDataset,
    WithdrawTraining,
)
from domain.dataset import Dataset
from domain.errors import Forbidden, NotFound
from domain.model import SYSTEM
from domain.project import Project
from domain.roles import Role
from domain.training import EndReason
from domain.training_job import TrainingJob
from domain.trash import IsDeleted, IsInUse, IsNotDeleted, IsPurged, NameIsAnother
from tests.commands.conftest import BEN, ann, approve, ben, eve
from tests.commands.test_dataset import CRACKS, ONE, TWO, split, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import create as experiment
from tests.commands.test_project import CELLS
from tests.commands.test_project import create as project
from tests.commands.test_training_job import JOB, claim, request, worker
from tests.spec import Spec

platform = Caller(kind="system", id=SYSTEM)
delete, undelete = DeleteDataset(dataset_id=CRACKS), UndeleteDataset(dataset_id=CRACKS)
purge = PurgeDataset(dataset_id=CRACKS, name=dataset.name)
purge_project = PurgeProject(project_id=CELLS, name=project.name)
in_time, project_in_time = PurgeDatasetInTime(dataset_id=CRACKS), PurgeProjectInTime(project_id=CELLS)
delete_project = DeleteProject(project_id=CELLS)
again = RunAgain(job_id=UUID(int=99), of=JOB, code_version="1")


def trained(spec: Spec) -> Spec:
    return spec.given(project, dataset, upload(spec, ONE), split, experiment, request())


def test_a_dataset_goes_into_the_trash_for_a_month_and_comes_back(spec: Spec) -> None:
    spec.given(dataset, upload(spec, ONE), split).when(delete)
    spec.then((Dataset.Deleted, {"purge_at": spec.now + timedelta(days=30)}))
    spec.when(delete).then()
    spec.when(undelete).then((Dataset.Undeleted, {}))
    spec.when(undelete).then()
    spec.given(TakeSnapshot(dataset_id=CRACKS, snapshot_id=UUID(int=1), tag="as-ever"))


def test_nothing_new_is_made_of_a_dataset_in_the_trash(spec: Spec) -> None:
    trained(spec).given(delete)
    snapshot = TakeSnapshot(dataset_id=CRACKS, snapshot_id=UUID(int=1), tag="v1")
    for wish in (
        upload(spec, TWO, base=ONE),
        MakeSplit(dataset_id=CRACKS),
        snapshot,
        request(job_id=UUID(int=5)),
        again,
    ):
        spec.when(wish).then_refused(IsDeleted, "undelete")


@pytest.mark.parametrize(
    ("thing", "away", "gone"), [(dataset, delete, purge), (project, delete_project, purge_project)]
)
def test_only_what_is_in_the_trash_goes_for_good(spec: Spec, thing: Command, away: Command, gone: Command) -> None:
    spec.given(thing).when(gone).then_refused(IsNotDeleted, "delete it first")
    spec.given(away).when(gone)
    assert type(spec.events()[-1]) in (Dataset.Purged, Project.Purged)
    spec.when(gone).then()


@pytest.mark.parametrize("wish", [purge, purge_project])
def test_who_purges_names_the_thing(spec: Spec, wish: Command) -> None:
    spec.given(dataset, project, delete, delete_project)
    spec.when(wish.model_copy(update={"name": "another"})).then_refused(NameIsAnother, "repeat it exactly")


def test_what_is_gone_for_good_never_comes_back(spec: Spec) -> None:
    spec.given(dataset, project, delete, delete_project, purge, purge_project)
    undelete, rename = UndeleteProject(project_id=CELLS), RenameProject(project_id=CELLS, name="x")
    for wish in (undelete, delete, upload(spec, ONE), undelete, rename, delete_project):
        spec.when(wish).then_refused(IsPurged, "its history stays")


@pytest.mark.parametrize("away", [(delete, purge), (delete_project, purge_project)])
def test_what_a_training_needs_stays_until_it_is_over(spec: Spec, away: tuple[Command, Command]) -> None:
    trained(spec).given(away[0]).when(away[1]).then_refused(IsInUse, "1 training that is not over")
    spec.given(CancelTraining(job_id=JOB)).given(away[1])


@pytest.mark.parametrize(("away", "gone"), [(delete, in_time), (delete_project, project_in_time)])
def test_a_training_that_nobody_took_is_over_with_the_month(spec: Spec, away: Command, gone: Command) -> None:
    withdraw = WithdrawTraining(job_id=JOB)
    trained(spec).given(away).by(platform).when(withdraw).then()
    spec.now += timedelta(days=30)
    spec.when(withdraw).then((TrainingJob.Cancelled, {"reason": EndReason.TARGET_PURGED}))
    spec.when(gone)


def test_a_training_that_runs_goes_on_to_its_end(spec: Spec) -> None:
    trained(spec).by(worker()).given(claim).by(ann).given(delete)
    spec.now += timedelta(days=30)
    spec.by(platform).when(WithdrawTraining(job_id=JOB)).then()


def test_a_training_says_for_ever_which_revision_it_was_made_from(spec: Spec) -> None:
    trained(spec).given(CancelTraining(job_id=JOB), delete, purge)
    asked = next(event for event in spec.events() if isinstance(event, TrainingJob.Requested))
    assert (asked.dataset_id, asked.snapshot.root) == (CRACKS, ONE)
    spec.when(again).then_refused(IsPurged)


@pytest.mark.parametrize(
    ("thing", "away", "wish"), [(dataset, delete, in_time), (project, delete_project, project_in_time)]
)
def test_the_platform_purges_when_the_time_is_over(spec: Spec, thing: Command, away: Command, wish: Command) -> None:
    spec.given(thing, away).by(platform).when(wish).then_refused(IsNotDeleted, "stays in the trash until")
    spec.now += timedelta(days=30)
    spec.given(wish).when(wish).then()
    assert type(spec.events()[-1]) in (Dataset.Purged, Project.Purged)


@pytest.mark.parametrize("wish", [in_time, project_in_time])
def test_nobody_else_tells_that_the_time_is_over(spec: Spec, wish: Command) -> None:
    spec.given(dataset, project, delete, delete_project)
    spec.now += timedelta(days=30)
    spec.when(wish).then_refused(Forbidden)


@pytest.mark.parametrize("wish", [delete, undelete, purge, purge_project, delete_project])
def test_another_organization_finds_nothing_to_throw_away(spec: Spec, wish: Command) -> None:
    spec.given(dataset, project, delete, delete_project).by(eve).when(wish).then_refused(NotFound)


@pytest.mark.parametrize(
    ("role", "may_delete", "may_purge"),
    [
        (Role.GUEST, False, False),
        (Role.ENGINEER_I, False, False),
        (Role.ENGINEER_II, False, False),
        (Role.MANAGER, True, True),
        (Role.ADMIN, True, True),
    ],
)
def test_what_is_another_s_is_thrown_away_by_managers(
    spec: Spec, role: Role, may_delete: bool, may_purge: bool
) -> None:
    spec.given(dataset, approve(BEN, role))
    for wish, may in ((delete, may_delete), (purge, may_purge)):
        if may:
            spec.by(ben).given(wish)
        else:
            spec.by(ben).when(wish).then_refused(Forbidden)
        if wish is delete:
            spec.by(ann).given(delete)


def test_an_engineer_throws_away_its_own_and_purges_nothing(spec: Spec) -> None:
    spec.given(approve(BEN, Role.ENGINEER_I)).by(ben).given(dataset, delete).when(purge).then_refused(Forbidden)
    spec.given(undelete)
