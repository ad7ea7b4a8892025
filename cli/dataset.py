"""Labelled images: a folder goes in, and what is there is looked at."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.named import id_of
from cli.output import Json, amount, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="Bring a folder of labelled images in, and look at what is there.", no_args_is_help=True)
Folder = Annotated[
    Path, typer.Argument(help="In YOLO, Pascal VOC or ImageFolder layout.", exists=True, file_okay=False)
]
Into = Annotated[
    str | None, typer.Option(help="Name or id of the dataset that gets a new revision; else a new dataset.")
]
Name = Annotated[str | None, typer.Option(help="Name of the new dataset; else the folder's.")]
Dataset = Annotated[str, typer.Argument(help="Name or id of the dataset.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse the whole folder if anything in it would be left out.")]


@app.command()
def push(
    folder: Folder,
    name: Name = None,
    into: Into = None,
    strict: Strict = False,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Bring a folder in; its layout is found by itself, and what is there already does not travel again."""
    from cli.push import analyze, folder_of
    from cli.push import push as bring

    files = folder_of(folder)
    with signed_in(api) as door:
        analyze(door, files)
        made = None if into else door.post("/datasets", name=name or folder.resolve().name)
        dataset = made["id"] if made else id_of(door, "dataset", str(into))
        answer = {"dataset": dataset} | bring(door, dataset, files, strict)
    show(answer, as_json, lambda: words(answer))


@app.command("list")
def list_datasets(api: Address = None, as_json: Json = False) -> None:
    """Every dataset of your organization, the newest first."""
    with signed_in(api) as door:
        datasets = list(door.pages("/datasets"))
    heads = ("id", "name", "task", "images", "annotations", "size")
    show(datasets, as_json, lambda: table(heads, map(row, datasets)))


@app.command("show")
def show_dataset(dataset: Dataset, api: Address = None, as_json: Json = False) -> None:
    """What a dataset holds, how it is split, and its snapshots."""
    with signed_in(api) as door:
        found = door.get(f"/datasets/{id_of(door, 'dataset', dataset)}")
    show(found, as_json, lambda: table(("", ""), ((name, value) for name, value in found.items() if value is not None)))


def row(dataset: dict[str, Any]) -> tuple[object, ...]:
    content = dataset.get("content") or dataset
    size = content.get("bytes")
    counts = (content.get("task"), content.get("images"), content.get("annotations"))
    return (dataset["id"], dataset["name"], *counts, amount(size) if size else None)


def words(answer: dict[str, Any]) -> str:
    from cli.push import summary

    return f"dataset {answer['dataset']}, revision {answer['revision']}\n{summary(answer['report'])}"
