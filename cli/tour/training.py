"""Step 4: trainings are requested, travel to their trainers, and are followed live."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cli.ending import because
from cli.exits import Stop
from cli.follow import Standing, epoch_line, figures
from cli.live import messages
from cli.stage import Bars
from cli.tour import Tour
from cli.tour.datasets import Brought

CHOICE = {"detection": ("ultralytics", "tiny-detector"), "classification": ("timm", "test_resnet")}
NAMES = {"detection": "detector", "classification": "classifier"}


@dataclass(frozen=True)
class Requested:
    id: str
    name: str
    dataset: Brought
    framework: str
    model: str


def request(tour: Tour, project: str, dataset: Brought) -> Requested:
    framework, model = CHOICE[dataset.task]
    given = dataset.source.parameters.get(dataset.task, {})
    given = given | ({"epochs": tour.wishes.epochs} if tour.wishes.epochs else {})
    wish = {"project_id": project, "dataset_id": dataset.id, "framework": framework, "model": model}
    job = tour.api.post("/training-jobs", **wish, parameters=given)
    return Requested(job["id"], NAMES[dataset.task], dataset, framework, model)


def follow(tour: Tour, jobs: Sequence[Requested]) -> None:
    """All at once, each over a live socket of its own."""
    with tour.stage.bars() as bars, ThreadPoolExecutor(len(jobs)) as threads:
        for done in [threads.submit(follow_one, tour, job, bars) for job in jobs]:
            done.result()


def follow_one(tour: Tour, job: Requested, bars: Bars) -> None:
    standing = Standing()
    for message in messages(tour.api, job.id):
        standing.hear(message)
        if message["kind"] == "epoch":
            tour.stage.say(f"{job.name:<11} {epoch_line(message)}")
        bars.set(job.name, standing.share, note(standing))
    if standing.status != "completed":
        raise Stop(f"the {job.name} is {standing.status}: {reason(tour, job)}")


def note(standing: Standing) -> str:
    left = standing.seconds_left()
    time = f"{left:.0f} s left  " if left is not None else ""
    return (
        f"epoch {standing.epoch}/{standing.epochs}  {time}{figures(standing.metrics)}"
        if standing.epochs
        else standing.status
    )


def reason(tour: Tour, job: Requested) -> str:
    about = tour.api.get(f"/training-jobs/{job.id}")
    return str((about["evidence"] or {}).get("message") or because(about["reason"]))
