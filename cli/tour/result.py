"""Step 5: what was learned, measured on the side that no choice ever saw, and where it comes from."""

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.exits import Stop
from cli.model import ancestry
from cli.output import amount, rounded
from cli.predict import ask, fetch, words
from cli.report import checked, per_class, report_of
from cli.tour import Tour
from cli.tour.training import Requested

TESTED = {"test/map50": "mAP50", "test/map50_95": "mAP50-95", "test/accuracy": "accuracy"}
PATIENCE = 60.0


def show(tour: Tour, job: Requested) -> None:
    about = tour.api.get(f"/training-jobs/{job.id}")
    model = tour.api.get(f"/models/{about['model_id']}")
    report = report_of(tour.api, model)
    images = about["snapshot"]["split"]["test"]
    tour.stage.done(
        f"{job.name}: {tested(about['metrics'])} on the {images:,} images of the test side, which no choice ever saw "
        f"(epoch {about['best_epoch']}, chosen by validation)"
    )
    tables(tour, report)
    file = fetch(tour.api, model, tour.work / "models")
    tour.stage.done(f"model {model['id']}, {amount(model['size'])}, fetched, and its hash checked:")
    tour.stage.say(model["sha256"])
    tour.stage.done(f"MLflow run {mlflow_run(tour, job)}: {tour.platform.api_url}/mlflow/")
    if model["picture_url"]:
        picture = keep(tour, f"{job.name}-seen.png", checked(tour.api.download(model["picture_url"]), model["picture"]))
        tour.stage.done(f"pictures of the test side with what it sees in them: {picture}")
    lineage(tour, model["id"])
    unseen(tour, job, file, model["sha256"])


def keep(tour: Tour, name: str, content: bytes) -> Path:
    tour.work.mkdir(exist_ok=True)
    (tour.work / name).write_bytes(content)
    return tour.work / name


def tested(metrics: Mapping[str, Any]) -> str:
    return ", ".join(f"{TESTED[name]} {rounded(value)}" for name, value in metrics.items() if name in TESTED)


def tables(tour: Tour, report: Mapping[str, Any]) -> None:
    tour.stage.table(*per_class(report))
    if matrix := report["confusion_matrix"]:
        rows = zip(matrix["classes"], matrix["rows"], strict=True)
        tour.stage.say("which class (row) was taken for which (column):")
        tour.stage.table(["", *map(short, matrix["classes"])], [[name, *map(str, row)] for name, row in rows])


def short(name: str) -> str:
    return name[:6]


def mlflow_run(tour: Tour, job: Requested) -> str:
    """MLflow comes up last and hears of everything later; what needs it waits for it."""
    end = time.monotonic() + PATIENCE
    while not (run := tour.api.get(f"/training-jobs/{job.id}")["mlflow_run_id"]):
        if time.monotonic() > end:
            raise Stop(f"MLflow has not heard of the {job.name} within {PATIENCE:.0f} s")
        time.sleep(0.2)
    return str(run)


def lineage(tour: Tour, model_id: str) -> None:
    found = tour.api.get(f"/models/{model_id}/lineage")
    tour.stage.done("its lineage, in one call:")
    for name, value in ancestry(found).items():
        tour.stage.pair(name, value)


def unseen(tour: Tour, job: Requested, model: Path, sha256: str) -> None:
    picture, true = job.dataset.source.never_seen, ""
    if picture is None:
        picture, true = of_test_side(tour, job)
    drawn = tour.work / f"{job.name}-answer.png"
    answer = ask(job.framework, model, sha256, picture, drawn)
    tour.stage.done(f"asked about a picture it never saw, {picture}{true}:")
    for line in words(answer).splitlines():
        tour.stage.say(line)


def of_test_side(tour: Tour, job: Requested) -> tuple[Path, str]:
    """Neither weights nor any choice has ever depended on it."""
    item = tour.api.get(f"/datasets/{job.dataset.id}/images", side="test", limit=1)["items"][0]
    content = checked(tour.api.download(item["url"]), item["sha256"])
    names = job.dataset.content["classes"]
    counts = Counter(names[each["class"]] for each in item["annotations"])
    true = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
    return keep(tour, f"{job.name}-asked{Path(item['path']).suffix}", content), f" (true: {true})"
