"""Experiments: the trainings of a project that belong together, found by figures and held side by side."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from cli.named import Thing, id_of, must_be_new, short
from cli.output import Json, listed, moment, rounded, show, table
from cli.session import Address, signed_in

app = typer.Typer(
    help="Trainings that belong together: list them, sort them, hold them side by side.", no_args_is_help=True
)
Experiment = Annotated[str, typer.Argument(help="Name or id of the experiment.")]
Named = Annotated[str, typer.Argument(metavar="NAME", help="What it is called.")]
Project = Annotated[str, typer.Option(help="Name or id of the project.")]
Of = Annotated[str | None, typer.Option("--project", help="Only of this project: its name or id.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        help="Only those for which this holds, as metrics.loss<0.5 or parameters.optimizer=SGD; may be repeated."
    ),
]
Sort = Annotated[str | None, typer.Option(help="metrics.loss: the smallest first; -metrics.mAP50: the largest first.")]
Runs = Annotated[list[str], typer.Argument(help="Ids of trainings in it, or the beginnings of them.")]
HEADS = ("id", "name", "runs", "completed", "best figures", "created")


@app.command()
def create(name: Named, project: Project, api: Address = None, as_json: Json = False) -> None:
    """Make one, for trainings to be requested in (`--experiment` of a training)."""
    with signed_in(api) as door:
        must_be_new(door, "experiment", name, "choose another name")
        made = door.post("/experiments", name=name, project_id=id_of(door, "project", project))
    show(made, as_json, lambda: f"{Thing('experiment', made['id'], name)} is there")


@app.command("list")
def list_experiments(project: Of = None, api: Address = None, as_json: Json = False) -> None:
    """Every experiment of your organization, the newest first."""
    with signed_in(api) as door:
        of = None if project is None else id_of(door, "project", project)
        found = list(door.pages("/experiments", project_id=of))
    show(found, as_json, lambda: table(HEADS, map(row, found)))


def row(one: Mapping[str, Any]) -> tuple[object, ...]:
    counts = one["num_runs"], one["num_completed_runs"]
    return (one["id"], one["name"], *counts, figures(one["best_metrics"]), moment(one["created_at"]))


def figures(metrics: Mapping[str, Any]) -> str:
    return listed({name: rounded(value) for name, value in metrics.items()})


@app.command(epilog="Example: vistory experiment runs warmup --where 'metrics.loss<0.5' --sort -metrics.accuracy")
def runs(
    experiment: Experiment, where: Where = None, sort: Sort = None, api: Address = None, as_json: Json = False
) -> None:
    """The trainings in it, the newest first, or sorted."""
    with signed_in(api) as door:
        at = f"/experiments/{id_of(door, 'experiment', experiment)}/runs"
        found = list(door.pages(at, where=where or None, sort=sort))
    heads = ("id", "requested", "status", "what", "parameters", "figures")
    show(found, as_json, lambda: table(heads, map(run_row, found)))


def run_row(run: Mapping[str, Any]) -> tuple[object, ...]:
    what = f"{run['framework']} {run['model']}"
    when = moment(run["requested_at"])
    return (run["job_id"], when, run["status"], what, listed(run["parameters"]), figures(run["metrics"]))


@app.command()
def compare(experiment: Experiment, runs: Runs, api: Address = None, as_json: Json = False) -> None:
    """Hold trainings side by side: what they were given that differs, and their figures, the best of each marked *."""
    with signed_in(api) as door:
        at = f"/experiments/{id_of(door, 'experiment', experiment)}/runs/compare"
        found = door.get(at, run=[id_of(door, "job", run) for run in runs])
    show(found, as_json, lambda: words(found))


def words(found: Mapping[str, Any]) -> str:
    ids: Sequence[str] = [run["job_id"] for run in found["runs"]]
    same = f"\n\nthe same in all: {listed(found['same'])}" if found["same"] else ""
    return table(("", *map(short, ids)), _lines(found, ids)) + same


def _lines(found: Mapping[str, Any], ids: Sequence[str]) -> Iterator[tuple[object, ...]]:
    yield ("model", *(f"{run['framework']} {run['model']}" for run in found["runs"]))
    yield ("status", *(run["status"] for run in found["runs"]))
    for name, values in found["parameters"].items():
        yield (name, *values)
    for name, values in found["metrics"].items():
        best = found["best"].get(name)
        pairs = zip(ids, values, strict=True)
        yield (name, *("" if value is None else rounded(value) + "*" * (id == best) for id, value in pairs))
