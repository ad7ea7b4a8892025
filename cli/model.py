"""Trained models: which there are, where one comes from, its file; and what can be trained at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.exits import Stop
from cli.files import named_file
from cli.output import Json, amount, listed, moment, rounded, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="Trained models: which there are, and where one comes from.", no_args_is_help=True)
Model = Annotated[str, typer.Argument(help="Id of the model.")]
File = Annotated[Path, typer.Argument(help="Where to write it; nothing that is there is overwritten.", dir_okay=False)]


@app.command("list")
def list_models(api: Address = None, as_json: Json = False) -> None:
    """Every model of your organization, the newest first."""
    with signed_in(api) as door:
        models = list(door.pages("/models"))
    show(models, as_json, lambda: table(("id", "trained", "size", "figures of the test side"), map(row, models)))


def row(model: Mapping[str, Any]) -> tuple[object, ...]:
    figures = {name.removeprefix("test/"): rounded(value) for name, value in model["metrics"].items()}
    return (model["id"], moment(model["trained_at"]), amount(model["size"]), listed(figures))


@app.command("show")
def show_model(model: Model, api: Address = None, as_json: Json = False) -> None:
    """Where a model comes from: who, when, which images and split, which recipe, code and environment."""
    with signed_in(api) as door:
        found = door.get(f"/models/{model}/lineage")
    show(found, as_json, lambda: table(("", ""), ancestry(found).items()))


@app.command()
def download(model: Model, file: File, api: Address = None, as_json: Json = False) -> None:
    """Fetch a model's file; its hash is checked."""
    from cli.predict import fetched, must_have_a_folder

    must_have_a_folder(file)
    if file.exists():
        raise Stop(f"{file} is there already; name another file")
    with signed_in(api) as door:
        about = door.get(f"/models/{model}")
        content = fetched(door, about)
    with named_file():
        file.write_bytes(content)
    said = {"file": str(file), "sha256": about["sha256"], "size": about["size"]}
    show(said, as_json, lambda: f"{file}, {amount(about['size'])}, sha256 {about['sha256']}")


@app.command()
def trainable(api: Address = None, as_json: Json = False) -> None:
    """What can be trained: each framework's models, and the parameters that `vistory train --set` takes."""
    with signed_in(api) as door:
        frameworks = door.get("/training/models")
    show(frameworks, as_json, lambda: "\n".join(map(described, frameworks)) or "no trainer has reported yet")


def described(framework: Mapping[str, Any]) -> str:
    lines = []
    for model in framework["models"]:
        lines.append(f"{framework['framework']} {model['name']}: {model['description']} ({model['task']})")
        told = table(("parameter", "default", "limits", "what it is"), map(parameter, model["parameters"]))
        lines += [f"    {line}" for line in told.splitlines()]
    return "\n".join(lines)


def parameter(one: Mapping[str, Any]) -> tuple[object, ...]:
    ends = (int(end) if end == int(end) else end for end in (one["min"], one["max"]) if end is not None)
    limits = ", ".join(map(str, one["choices"] or ())) or " to ".join(map(str, ends))
    return (one["name"], one["default"], limits, one["description"])


def ancestry(found: Mapping[str, Any]) -> dict[str, str]:
    """A lineage in words; what another may not know of it, or a read model has not seen yet, is left out."""
    job, attempts = found["job"], found["attempts"]
    snapshot, recipe, weights = job["snapshot"], job["recipe"], job["recipe"]["weights"]
    owner, dataset = found["owner"] or {}, found["dataset"] or {}
    who = owner.get("full_name") or owner.get("avatar_name") or "somebody"
    return {
        "who, when": f"{who}, {moment(job['requested_at'])}",
        "architecture": f"{recipe['framework']} {recipe['model']}",
        "images": f"{snapshot['images']:,} of dataset {dataset.get('name', job['dataset_id'])}",
        "their hash": snapshot["root"],
        "split": f"{snapshot['split']['method']}, {snapshot['split']['sha256']}",
        "parameters": listed(recipe["parameters"]),
        "weights": weights["model_id"] or weights["sha256"] or "none: it began untrained",
        "code": recipe["code_version"],
        "environment": listed(attempts[-1]["environment"] if attempts else {}),
    }
