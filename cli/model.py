"""Trained models: which there are, where one comes from, its file; and what can be trained at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.files import must_be_new_file, named_file
from cli.named import id_of
from cli.output import Json, amount, listed, moment, rounded, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="Trained models: which there are, and where one comes from.", no_args_is_help=True)
Model = Annotated[str, typer.Argument(help="Id of the model, or the beginning of it.")]
HEADS = ("id", "trained", "what", "dataset", "project", "figures of the test side")
File = Annotated[Path, typer.Argument(help="Where to write it; nothing that is there is overwritten.", dir_okay=False)]


@app.command("list")
def list_models(api: Address = None, as_json: Json = False) -> None:
    """Every model of your organization, the newest first."""
    with signed_in(api) as door:
        models = list(door.pages("/models"))
    show(models, as_json, lambda: table(HEADS, map(row, models)))


def row(model: Mapping[str, Any]) -> tuple[object, ...]:
    what = f"{model['framework']} {model['architecture']}"
    return (model["id"], moment(model["trained_at"]), what, model["dataset"], model["project"], figures(model))


def figures(model: Mapping[str, Any]) -> str:
    return listed({name.removeprefix("test/"): rounded(value) for name, value in model["metrics"].items()})


@app.command("show")
def show_model(model: Model, api: Address = None, as_json: Json = False) -> None:
    """What the test side says of it, class by class, and where it comes from: who, when, images, recipe, code."""
    from cli.report import report_of

    with signed_in(api) as door:
        at = f"/models/{id_of(door, 'model', model)}"
        about, found = door.get(at), door.get(f"{at}/lineage")
        report = report_of(door, about)
    show(found | {"report": report}, as_json, lambda: words(about, found, report))


def words(about: Mapping[str, Any], found: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    from cli.report import per_class

    said = f"{figures(about)}; best epoch {about['best_epoch']}"
    facts = {"test side": said, "size": amount(about["size"])} | ancestry(found)
    return f"{table(('', ''), facts.items()).lstrip()}\n\n{table(*per_class(report))}"


@app.command()
def download(model: Model, file: File, api: Address = None, as_json: Json = False) -> None:
    """Fetch a model's file; its hash is checked."""
    from cli.predict import fetched

    must_be_new_file(file)
    with signed_in(api) as door:
        about = door.get(f"/models/{id_of(door, 'model', model)}")
        content = fetched(door, about)
    with named_file():
        file.write_bytes(content)
    said = {"file": str(file), "sha256": about["sha256"], "size": about["size"]}
    show(said, as_json, lambda: f"{file}, {amount(about['size'])}, sha256 {about['sha256']}")


@app.command()
def trainable(api: Address = None, as_json: Json = False) -> None:
    """What can be trained: each framework's models, and the parameters that a training takes (--set)."""
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
