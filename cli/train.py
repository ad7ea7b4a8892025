"""Requests a training."""

import json
from typing import Annotated, Any, Literal

import typer

from cli.exits import Exit, Stop
from cli.job import next_step, watch
from cli.named import id_of, short
from cli.output import Json, show
from cli.session import Address, signed_in

app = typer.Typer()
Given = Annotated[
    list[str] | None, typer.Option("--set", help="A parameter of the model, as name=value; may be repeated.")
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes a GPU where the trainer has one; cpu needs no hours.")
]
Follow = Annotated[bool, typer.Option("--follow", help="Follow it until it ends.")]


@app.command(epilog="Example: vistory train timm resnet18 --dataset cracks --project bridges --set epochs=20 --follow")
def train(
    framework: Annotated[str, typer.Argument(help="ultralytics, timm, ...")],
    model: Annotated[str, typer.Argument(help="A model of it; `vistory model trainable` lists them.")],
    dataset: Annotated[str, typer.Option(help="Name or id of the dataset.")],
    project: Annotated[str, typer.Option(help="Name or id of the project.")],
    experiment: Annotated[str | None, typer.Option(help="Name or id of an experiment; else a new one.")] = None,
    given: Given = None,
    device: Device = "auto",
    follow: Follow = False,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Request a training on the images and the split that the dataset has at this moment."""
    wish = {"framework": framework, "model": model, "parameters": parameters(given or []), "device": device}
    things = {"project": project, "dataset": dataset} | ({} if experiment is None else {"experiment": experiment})
    with signed_in(api) as door:
        job = door.post(
            "/training-jobs", **{f"{noun}_id": id_of(door, noun, of) for noun, of in things.items()}, **wish
        )
        said = f"training {short(job['id'])} is requested: {framework} {model} on {dataset}, in {project}"
        show(job, as_json, lambda: said if follow else f"{said}; {next_step(job['id'])}")
        if follow and watch(door, job["id"], as_json) != "completed":
            raise Stop("the training did not complete")


def parameters(given: list[str]) -> dict[str, Any]:
    """Numbers and true or false as JSON has them; anything else is text."""
    parsed = dict[str, Any]()
    for word in given:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise Stop(f"--set wants name=value, not {word!r}", Exit.USAGE)
        if name in parsed:
            raise Stop(f"--set gives {name} twice", Exit.USAGE)
        try:
            parsed[name] = json.loads(value)
        except ValueError:
            parsed[name] = value
    return parsed
