from uuid import UUID

import pytest
from pydantic import ValidationError

from commands import training_job
from commands.access import Caller, Command
from commands.dataset import MakeSplit
from commands.experiment import CreateExperiment
from commands.membership import ChangeRole
from commands.project import AddProjectMember, CreateProject
from commands.training_job import (
    CancelTraining,
    ClaimJob,
    CompleteTraining,
    FailTraining,
    HandOver,
    LinkMlflowRun,
    LoseAttempt,
    ReportCheckpoint,
    ReportEpoch,
    ReportStart,
    RequestTraining,
    RunAgain,
)
from domain.content import DatasetHasNoSplit, Ratios, Snapshot, SplitHasAnEmptySide
from domain.dataset import Dataset, DatasetIsEmpty, Visibility
from domain.errors import Conflict, Forbidden, Invalid, NotFound
from domain.experiment import Experiment
from domain.membership import membership_id
from domain.roles import ProjectRole, Role
from domain.training import (
    MAX_LOSSES,
    AttemptIsStale,
    Checkpoint,
    Device,
    EndReason,
    Evidence,
    JobIsOver,
    JobIsTaken,
    Model,
    OrganizationIsBusy,
)
from domain.training_job import TrainingJob
from tests.commands.conftest import ACME, BEN, ann, approve, ben, eve
from tests.commands.test_dataset import CRACKS, ONE, TWO, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import BASELINE, platform
from tests.commands.test_experiment import create as experiment
from tests.commands.test_project import CELLS, OTHER
from tests.commands.test_project import create as project
from tests.doubles import TINY
from tests.spec import Spec

JOB, AGAIN, MADE, SNAPSHOT = UUID(int=31), UUID(int=32), UUID(int=33), UUID(int=34)
W1, W2 = UUID(int=41), UUID(int=42)
split = MakeSplit(dataset_id=CRACKS)
lost = Evidence(reason=EndReason.WORKER_LOST, message="no sign of life for 10 s", exit_code=None, last_lines=())
stopped = Evidence(reason=EndReason.HANDED_OVER, message="the service stops", exit_code=143, last_lines=())
broken = Evidence(reason=EndReason.CODE_ERROR, message="ValueError", exit_code=5, last_lines=("Traceback",))
best = Checkpoint(epoch=2, sha256="c" * 64, size=10)
claim = ClaimJob(job_id=JOB, attempt=1, worker="gpu-1")
start = ReportStart(job_id=JOB, attempt=1, device="cpu", environment={"torch": "2"}, parameters={"epochs": 3})
complete = CompleteTraining(
    job_id=JOB,
    attempt=1,
    best_epoch=2,
    metrics={"mAP50": 0.9, "loss": "NaN"},
    model=Model(id=UUID(int=51), sha256="d" * 64, size=9),
    result="e" * 64,
)
cancel = CancelTraining(job_id=JOB)


def request(**changes: object) -> RequestTraining:
    whole: dict[str, object] = {
        "job_id": JOB,
        "project_id": CELLS,
        "dataset_id": CRACKS,
        "experiment_id": BASELINE,
        "new_experiment_id": MADE,
        "snapshot_id": SNAPSHOT,
        "framework": "timm",
        "model": "tiny",
        "parameters": {"epochs": 3},
        "code_version": "1",
    }
    return RequestTraining.model_validate(whole | changes)


def epoch(number: int, attempt: int = 1) -> ReportEpoch:
    return ReportEpoch(job_id=JOB, attempt=attempt, epoch=number, epochs=3, metrics={"loss": 1.5}, seconds=2.0)


def checkpoint(attempt: int = 1) -> ReportCheckpoint:
    return ReportCheckpoint(job_id=JOB, attempt=attempt, checkpoint=best)


def lose(attempt: int) -> LoseAttempt:
    return LoseAttempt(job_id=JOB, attempt=attempt, evidence=lost)


def pool(worker_id: UUID = W1, framework: str = "timm") -> Caller:
    return Caller(kind="worker", id=worker_id, framework=framework)


def worker(attempt: int = 1, worker_id: UUID = W1, job_id: UUID = JOB) -> Caller:
    return Caller(kind="worker", id=worker_id, framework="timm", job_id=job_id, attempt=attempt)


@pytest.fixture
def ready(spec: Spec) -> Spec:
    return spec.given(project, experiment, dataset, upload(spec, ONE), split)


@pytest.fixture
def running(ready: Spec) -> Spec:
    ready.given(request()).by(pool()).given(claim)
    return ready.by(worker()).given(start)


def test_an_environment_has_no_more_words_than_its_event_takes() -> None:
    with pytest.raises(ValidationError, match="at most 100"):
        ReportStart(**{**dict(start), "environment": {str(n): "1" for n in range(101)}})


def test_a_request_pins_a_snapshot_taken_by_itself(ready: Spec) -> None:
    ready.when(request()).then(
        (TrainingJob.Requested, {"experiment_id": BASELINE, "dataset_id": CRACKS}), (Dataset.SnapshotTaken, {})
    )
    taken = ready.events()[-1]
    assert isinstance(taken, Dataset.SnapshotTaken)
    assert taken.snapshot.tag == f"training-{JOB}"


def test_a_guest_with_a_place_in_the_project_ends_what_it_began_and_nothing_else(ready: Spec) -> None:
    place = AddProjectMember(project_id=CELLS, person_id=BEN, role=ProjectRole.MEMBER)
    ready.given(approve(BEN, Role.GUEST), place, request()).by(ben).given(request(job_id=AGAIN))
    ready.when(cancel).then_refused(Forbidden, "not yours")
    ready.when(CancelTraining(job_id=AGAIN)).then((TrainingJob.Cancelled, {}))


def test_unchanged_content_needs_no_second_snapshot(ready: Spec) -> None:
    ready.given(request()).when(request(job_id=AGAIN)).then((TrainingJob.Requested, {}))


def test_changed_content_needs_a_split_of_its_own(ready: Spec) -> None:
    ready.given(request(), upload(ready, TWO, base=ONE)).when(request(job_id=AGAIN)).then_refused(DatasetHasNoSplit)


def test_an_experiment_is_made_where_none_is_named(ready: Spec) -> None:
    ready.when(request(experiment_id=None)).then(
        (TrainingJob.Requested, {"experiment_id": MADE}), (Dataset.SnapshotTaken, {}), (Experiment.Created, {})
    )


def test_an_experiment_of_another_project_is_refused(ready: Spec) -> None:
    ready.given(CreateProject(project_id=OTHER, name="other"))
    ready.given(CreateExperiment(experiment_id=MADE, project_id=OTHER, name="elsewhere"))
    ready.when(request(experiment_id=MADE)).then_refused(Invalid, "another project")


def test_parameters_are_stored_with_their_defaults(ready: Spec) -> None:
    ready.when(request(parameters={}))
    requested = ready.events()[-2]
    assert isinstance(requested, TrainingJob.Requested)
    assert requested.recipe.parameters == {each.name: each.default for each in TINY.parameters}


@pytest.mark.parametrize("epochs", [0, 10**9, "ten"])
def test_epochs_have_limits(ready: Spec, epochs: object) -> None:
    ready.when(request(parameters={"epochs": epochs})).then_refused(Invalid, "epochs")


def test_an_unknown_model_is_refused_with_the_known_ones(ready: Spec) -> None:
    ready.when(request(model="huge")).then_refused(Invalid, "it has tiny")


def test_a_dataset_without_a_split_trains_nothing(spec: Spec) -> None:
    spec.given(project, experiment, dataset, upload(spec, ONE)).when(request()).then_refused(DatasetHasNoSplit)


def test_an_empty_dataset_trains_nothing(spec: Spec) -> None:
    spec.given(project, experiment, dataset).when(request()).then_refused(DatasetIsEmpty)


def test_another_organization_trains_on_nothing_of_ours(ready: Spec) -> None:
    ready.by(eve).when(request()).then_refused(NotFound)


def test_a_guest_requests_no_training(ready: Spec) -> None:
    ready.given(approve(BEN, Role.GUEST)).by(ben).when(request()).then_refused(Forbidden)


def test_a_job_is_claimed_by_one_worker(ready: Spec) -> None:
    ready.given(request()).by(pool()).when(claim).then((TrainingJob.Claimed, {"worker_id": W1, "attempt": 1}))
    ready.by(pool(W2)).when(claim).then_refused(JobIsTaken)


def test_a_claim_that_is_tried_again_changes_nothing(ready: Spec) -> None:
    ready.given(request()).by(pool()).given(claim).when(claim).then()


def test_an_organization_runs_no_more_than_it_may(ready: Spec) -> None:
    ready.room.limit = 1
    ready.given(request(), request(job_id=AGAIN)).by(pool()).given(claim)
    ready.by(pool(W2)).when(claim.model_copy(update={"job_id": AGAIN})).then_refused(OrganizationIsBusy)
    ready.by(pool()).when(claim).then()


def test_a_worker_that_runs_already_needs_no_other_place(ready: Spec) -> None:
    ready.given(request()).by(pool()).given(claim)
    ready.room.limit = 0
    ready.when(claim).then()


def test_a_worker_of_another_framework_claims_nothing(ready: Spec) -> None:
    ready.given(request()).by(pool(framework="ultralytics")).when(claim).then_refused(Forbidden, "ultralytics")


def test_a_person_claims_nothing(ready: Spec) -> None:
    ready.given(request()).when(claim).then_refused(Forbidden)


def test_a_token_is_good_for_its_own_job_and_attempt(running: Spec) -> None:
    running.by(worker(job_id=AGAIN)).when(epoch(1)).then_refused(Forbidden, "another job")
    running.by(worker(attempt=2)).when(epoch(1)).then_refused(Forbidden)


def test_an_epoch_is_recorded_once(running: Spec) -> None:
    running.when(epoch(1)).then((TrainingJob.EpochCompleted, {"epoch": 1, "metrics": {"loss": 1.5}}))
    running.when(epoch(1)).then()


def test_a_checkpoint_is_recorded_once(running: Spec) -> None:
    running.given(epoch(1)).when(checkpoint()).then((TrainingJob.CheckpointSaved, {"checkpoint": best}))
    running.when(checkpoint()).then()


def test_a_diverged_loss_is_a_word(running: Spec) -> None:
    running.when(epoch(1).model_copy(update={"metrics": {"loss": "NaN"}})).then(
        (TrainingJob.EpochCompleted, {"metrics": {"loss": "NaN"}})
    )
    assert epoch(1).model_validate(epoch(1).model_dump() | {"metrics": {"loss": float("nan")}}).metrics["loss"] == "NaN"


def test_a_job_ends_once(running: Spec) -> None:
    running.when(complete).then((TrainingJob.Completed, {"best_epoch": 2}))
    running.when(complete).then_refused(JobIsOver)


def test_a_failure_keeps_its_evidence(running: Spec) -> None:
    running.when(FailTraining(job_id=JOB, attempt=1, evidence=broken)).then((TrainingJob.Failed, {"evidence": broken}))


def test_a_last_line_is_cut_and_cleaned(running: Spec) -> None:
    printed = broken.model_validate(broken.model_dump() | {"last_lines": ("a\x00b", "x" * 600)})
    assert printed.last_lines == ("a\ufffdb", "x" * 500)


def test_a_lost_worker_is_not_the_end(running: Spec) -> None:
    running.given(epoch(1), epoch(2), checkpoint()).by(platform).when(lose(1)).then(
        (TrainingJob.Lost, {"attempt": 1}), (TrainingJob.Requeued, {"attempt": 2, "resume_from": best})
    )


def test_a_service_that_stops_hands_its_job_over(running: Spec) -> None:
    running.when(HandOver(job_id=JOB, attempt=1, evidence=stopped)).then(
        (TrainingJob.Lost, {}), (TrainingJob.Requeued, {"attempt": 2, "resume_from": None})
    )


def test_a_stale_attempt_is_refused(running: Spec) -> None:
    running.by(platform).given(lose(1)).by(worker()).when(epoch(1)).then_refused(AttemptIsStale)
    running.when(complete).then_refused(AttemptIsStale)


def test_the_next_attempt_goes_on_after_the_checkpoint(running: Spec) -> None:
    running.given(epoch(1), epoch(2), checkpoint()).by(platform).given(lose(1)).by(pool(W2))
    running.given(ClaimJob(job_id=JOB, attempt=2, worker="gpu-2")).by(worker(2, W2))
    running.when(epoch(2, attempt=2)).then()
    running.when(epoch(3, attempt=2)).then((TrainingJob.EpochCompleted, {"epoch": 3}))


def test_an_attempt_that_begins_anew_reports_every_epoch(running: Spec) -> None:
    running.given(epoch(1), epoch(2), checkpoint()).by(platform).given(lose(1)).by(pool(W2))
    running.given(ClaimJob(job_id=JOB, attempt=2, worker="gpu-2")).by(worker(2, W2))
    running.given(start.model_copy(update={"attempt": 2}))
    running.when(epoch(1, attempt=2)).then((TrainingJob.EpochCompleted, {"epoch": 1, "attempt": 2}))


def test_a_job_that_loses_every_attempt_fails(running: Spec) -> None:
    running.by(platform)
    running.given(*(lose(attempt) for attempt in range(1, MAX_LOSSES)))
    running.when(lose(MAX_LOSSES)).then((TrainingJob.Lost, {}), (TrainingJob.Failed, {"evidence": lost}))


def test_a_job_may_be_handed_over_any_number_of_times(running: Spec) -> None:
    for attempt in range(1, 2 * MAX_LOSSES):
        running.by(worker(attempt)).given(HandOver(job_id=JOB, attempt=attempt, evidence=stopped))
    assert isinstance(running.events()[-1], TrainingJob.Requeued)


def test_a_waiting_job_is_cancelled_at_once(ready: Spec) -> None:
    ready.given(request()).when(cancel).then((TrainingJob.Cancelled, {"reason": EndReason.USER}))
    ready.when(cancel).then_refused(JobIsOver)


def test_a_running_job_is_cancelled_when_its_worker_says_so(running: Spec) -> None:
    running.by(ann).when(cancel).then((TrainingJob.CancelRequested, {"attempt": 1}))
    running.when(cancel).then()
    running.by(worker()).when(FailTraining(job_id=JOB, attempt=1, evidence=broken)).then(
        (TrainingJob.Cancelled, {"reason": EndReason.USER, "evidence": broken})
    )


def test_a_cancelled_job_whose_worker_is_lost_is_not_begun_again(running: Spec) -> None:
    running.by(ann).given(cancel).by(platform).when(lose(1)).then((TrainingJob.Lost, {}), (TrainingJob.Cancelled, {}))


def test_an_engineer_cancels_its_own_jobs_only(running: Spec) -> None:
    running.by(ann).given(approve(BEN, Role.ENGINEER_I)).by(ben).when(cancel).then_refused(Forbidden)


def test_a_training_is_shown_as_its_dataset_is(spec: Spec) -> None:
    private = dataset.model_copy(update={"visibility": Visibility.PRIVATE})
    spec.given(project, experiment, private, upload(spec, ONE), split, request(), approve(BEN, Role.MANAGER)).by(ben)
    spec.when(cancel).then_refused(NotFound)
    spec.when(RunAgain(job_id=AGAIN, of=JOB, code_version="2")).then_refused(NotFound)
    spec.by(ann).given(ChangeRole(membership_id=membership_id(ACME, BEN), role=Role.ADMIN)).by(ben)
    spec.when(cancel).then((TrainingJob.Cancelled, {}))


def test_running_again_takes_the_same_recipe_and_snapshot(running: Spec) -> None:
    running.by(ann).when(RunAgain(job_id=AGAIN, of=JOB, code_version="2"))
    again = running.events()[-1]
    first = next(event for event in running.events() if isinstance(event, TrainingJob.Requested))
    assert isinstance(again, TrainingJob.Requested)
    assert again.recipe == first.recipe.model_copy(update={"code_version": "2"})
    assert again.snapshot == first.snapshot


def test_running_again_under_the_same_id_is_a_conflict(running: Spec) -> None:
    running.by(ann).when(RunAgain(job_id=JOB, of=JOB, code_version="2")).then_refused(Conflict)


def test_an_mlflow_run_is_linked_once(running: Spec) -> None:
    linked: Command = LinkMlflowRun(job_id=JOB, mlflow_run_id="abc")
    running.by(platform).when(linked).then((TrainingJob.MlflowLinked, {"mlflow_run_id": "abc"}))
    running.when(linked).then()


@pytest.mark.parametrize(
    "change",
    [
        {"framework": "../etc"},
        {"gpus": -1},
        {"device": "tpu"},
        {"parameters": {"a b": 1}},
        {"weights": {"model_id": UUID(int=1)}},
    ],
)
def test_senseless_requests_are_no_command(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        request(**change)


@pytest.mark.parametrize("change", [{"gpus": 2}, {"gpus": 1, "device": "cpu"}])
def test_gpus_that_no_training_can_use_are_refused(change: dict[str, object], ready: Spec) -> None:
    ready.when(request(**change)).then_refused(Invalid)


def test_a_gpu_is_a_cuda_device(ready: Spec) -> None:
    ready.given(request(gpus=1))
    requested = next(event for event in ready.events() if isinstance(event, TrainingJob.Requested))
    assert requested.recipe.device is Device.CUDA


def test_a_split_with_an_empty_side_trains_nothing(ready: Spec) -> None:
    ready.given(MakeSplit(dataset_id=CRACKS, ratios=Ratios(train=1, val=0, test=0)))
    ready.when(request()).then_refused(SplitHasAnEmptySide, "no images for val")


def test_what_was_asked_for_before_a_rule_is_run_again_by_the_rule(
    ready: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = MakeSplit(dataset_id=CRACKS, ratios=Ratios(train=1, val=0, test=0))
    with monkeypatch.context() as before:
        before.setattr(training_job, "_device", lambda gpus, device: device)
        ready.given(request(gpus=2))
        before.setattr(Snapshot, "must_have_both_sides", lambda snapshot: None)
        ready.given(empty, request(job_id=AGAIN))
    ready.when(RunAgain(job_id=MADE, of=JOB, code_version="2")).then_refused(Invalid, "2 were asked for")
    ready.when(RunAgain(job_id=MADE, of=AGAIN, code_version="2")).then_refused(SplitHasAnEmptySide)
