"""Labelled images: a folder goes in, and what is there is looked at."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.kept import home
from cli.named import Thing, short, thing_of
from cli.output import Json, amount, busy, show, table
from cli.session import Address, signed_in
from cli.shared import path, people, share, with_people
from cli.trash import Confirm, Trash, purged, thrown_away

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(help="Bring a folder of labelled images in, and look at what is there.", no_args_is_help=True)
Folder = Annotated[
    Path, typer.Argument(help="In YOLO, Pascal VOC or ImageFolder layout.", exists=True, file_okay=False)
]
Into = Annotated[
    str | None, typer.Option(help="Name or id of the dataset that gets a new revision; else a new dataset.")
]
Name = Annotated[str | None, typer.Option(help="Name of the new dataset; else the folder's.")]
Dataset = Annotated[str, typer.Argument(help="Name or id of the dataset.")]
Other = Annotated[str, typer.Argument(help="Name or id of the one that it is compared with.")]
Trashed = Annotated[str, typer.Argument(help="Name or id of a dataset in the trash.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse the whole folder if anything in it would be left out.")]

Method = Annotated[str, typer.Option(help="stratified (each side gets its share of every class) or auto (by chance).")]
Ratios = Annotated[
    str, typer.Option(metavar="TRAIN,VAL,TEST", help="The share of each side, as 0.7,0.2,0.1; they add up to 1.")
]
Seed = Annotated[int, typer.Option(help="Another number gives another split, the same number the same.")]
GroupBy = Annotated[
    str | None,
    typer.Option(
        help="What stays on one side: `folder` (images of one folder), `folder:2` (of the folder above it), or a "
        "pattern of names like `patient-{group}_*.png`; with a / in it, of whole paths: `*/{group}/*`. In a pattern * "
        "is any text and {group} what the group is called; everything else, ? too, stands for itself."
    ),
]


@app.command(epilog="Example: vistory dataset push photos --name cracks")
def push(
    folder: Folder,
    name: Name = None,
    into: Into = None,
    strict: Strict = False,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Bring a folder in; its layout is found by itself, and what is there already does not travel again.

    What each file hashed to is remembered in hashes.sqlite beside your session, by inode, size and times, as git does.
    """
    from cli.push import analyze, commit, folder_of, upload
    from infra.hashes import Hashes

    busy(f"looking at {folder}")
    files = folder_of(folder, Hashes(home() / "hashes.sqlite"))
    analyze(files)
    with signed_in(api) as door:
        before = (
            door.get(path(door, "dataset", into))
            if into is not None
            else begun(door, named(folder) if name is None else name)
        )
        with telling(before, is_sent=False):
            where = upload(door, before["id"], files, lambda done, of: busy(f"{done:,} of {of:,} files are there"))
        with telling(before, is_sent=True):
            busy("committing")
            made = commit(door, where, strict)
    answer = {"dataset": before["id"], "changed": changed(made, before)} | made
    show(answer, as_json, lambda: words(answer, before))


def named(folder: Path) -> str:
    return folder.resolve().name


@contextmanager
def telling(before: Mapping[str, Any], *, is_sent: bool) -> Iterator[None]:
    """An end before its time says what became of the dataset, and how to go on."""
    try:
        yield
    except (Stop, KeyboardInterrupt) as why:
        stop = why if isinstance(why, Stop) else Stop("interrupted", Exit.INTERRUPTED)
        raise Stop(f"{stop}\n{left(before, stop, is_sent)}", stop.exit_code) from why


def left(before: Mapping[str, Any], stop: Stop, is_sent: bool) -> str:
    """Only where the answer to a commit was lost nobody knows whether the revision was made."""
    if is_sent and stop.exit_code in (Exit.UNREACHABLE, Exit.INTERRUPTED):
        return f"whether it was committed is not known: `vistory dataset show {before['id']}` tells"
    if before["revision"]:
        return f"the dataset is as it was; push again with --into {before['id']}"
    return "the dataset is empty as yet; the same command goes on with it"


def begun(door: "Api", name: str) -> dict[str, Any]:
    """A new dataset, or the empty one that a push of one's own, which did not end, made under this name."""
    same = [each for each in door.pages("/datasets") if each["name"] == name]
    if not same:
        return dict(door.get(f"/datasets/{door.post('/datasets', name=name)['id']}"))
    me = door.get("/auth/me")["id"]
    for each in same:
        if not each["revision"] and each["owner_id"] == me:
            return each
    raise Stop(
        f"there is a dataset {name!r} already, at revision {same[0]['revision']} with {same[0]['images']:,} images; "
        f"--into {name!r} gives it a new revision, --name calls the new one otherwise"
    )


@app.command()
def delete(dataset: Dataset, api: Address = None, as_json: Json = False) -> None:
    """Put a dataset into the trash; for 30 days it can come back. Trainings on it stay, and say what they used."""
    thrown_away("dataset", dataset, api, as_json)


@app.command()
def undelete(dataset: Trashed, api: Address = None, as_json: Json = False) -> None:
    """Take a dataset out of the trash, as it was."""
    with signed_in(api) as door:
        there = thing_of(door, "dataset", dataset, trash=True)
        made = door.post(f"{there.path}/undelete")
    show(made, as_json, lambda: f"{there} is back")


@app.command()
def purge(dataset: Trashed, confirm: Confirm = None, api: Address = None, as_json: Json = False) -> None:
    """Let a dataset in the trash go for good: images go where no other dataset has them. Its history stays."""
    purged("dataset", dataset, confirm, api, as_json)


@app.command("list")
def list_datasets(trash: Trash = False, api: Address = None, as_json: Json = False) -> None:
    """Every dataset of your organization that is not in the trash, the newest first."""
    with signed_in(api) as door:
        datasets = list(door.pages("/datasets", deleted=True if trash else None))
    heads = ("id", "name", "task", "images", "annotations", "size")
    show(datasets, as_json, lambda: table(heads, map(row, datasets)))


@app.command("show")
def show_dataset(dataset: Dataset, api: Address = None, as_json: Json = False) -> None:
    """What a dataset holds, how it is split with the classes of each side, its snapshots, and who is in it."""
    from cli import contents

    with signed_in(api) as door:
        at = path(door, "dataset", dataset)
        found = with_people(door, at)
        report = door.get(f"{at}/report") if found["report"] else None
        split = door.get(f"{at}/split") if contents.split_of_now(found) else None
        snapshots = list(door.pages(f"{at}/snapshots"))
    whole = found | {"split": split, "class_counts": report["classes"] if report else []}
    show(
        whole | {"snapshots": snapshots},
        as_json,
        lambda: f"{contents.words(found, report, split, snapshots)}\n\n{people(found)}",
    )


@app.command()
def compare(dataset: Dataset, other: Other, api: Address = None, as_json: Json = False) -> None:
    """Compare what two datasets hold at this moment: images by their paths, and annotations class by class."""
    from cli.contents import compared

    with signed_in(api) as door:
        one, two = thing_of(door, "dataset", dataset), thing_of(door, "dataset", other)
        found = door.get("/datasets/compare", dataset_a=one.id, dataset_b=two.id)
    words = (one.word, two.word) if one.word != two.word else (short(one.id), short(two.id))
    show(found, as_json, lambda: compared(*words, found))


@app.command("split", epilog="Example: vistory dataset split cracks --ratios 0.8,0.1,0.1 --group-by folder")
def split_dataset(
    dataset: Dataset,
    method: Method = "stratified",
    ratios: Ratios = "0.7,0.2,0.1",
    seed: Seed = 0,
    group_by: GroupBy = None,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Divide the images into training, validation and test; exact copies, and what you group, stay on one side."""
    from cli import contents

    wish: dict[str, Any] = {"method": method, "ratios": shares(ratios), "groups": rule(group_by)}
    with signed_in(api) as door:
        there = thing_of(door, "dataset", dataset)
        before = door.get(there.path)
        made = door.post(f"{there.path}/split", **wish, seed=seed)["split"]
        report = door.get(f"{there.path}/report")
    classes = contents.classes(report["classes"], made["sides"], report["task"] == "detection")
    done = f"{contents.how(made)}{contents.replaced(before, made)}"
    show(made, as_json, lambda: f"{there} is {done}\n\n{classes}\n\n{contents.trained(there.word)}")


def shares(ratios: str) -> dict[str, float]:
    try:
        train, val, test = map(float, ratios.split(","))
    except ValueError as error:
        raise Stop(f"--ratios wants three numbers as in 0.7,0.2,0.1, not {ratios!r}", Exit.USAGE) from error
    return {"train": train, "val": val, "test": test}


def rule(group_by: str | None) -> dict[str, Any] | None:
    """`folder`, `folder:2`, or a pattern."""
    if group_by is None:
        return None
    if not group_by:
        raise Stop("--group-by wants `folder` or a pattern", Exit.USAGE)
    kind, _, level = group_by.partition(":")
    if kind == "folder" and (level.isdecimal() or not level):
        return {"by": "folder", "level": int(level or 1)}
    return {"by": "pattern", "pattern": group_by}


def row(dataset: dict[str, Any]) -> tuple[object, ...]:
    content = dataset.get("content") or dataset
    size = content.get("bytes")
    counts = (content.get("task"), content.get("images"), content.get("annotations"))
    return (dataset["id"], dataset["name"], *counts, amount(size) if size else None)


def changed(made: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    from cli.contents import split_of_now

    return bool(made["revision"] != before["revision"] or made["split"] != split_of_now(before))


def words(answer: dict[str, Any], before: Mapping[str, Any]) -> str:
    from cli.contents import after_push
    from cli.push import summary

    there = Thing("dataset", answer["dataset"], before["name"])
    if not answer["changed"]:
        return f"{there} has all of this already; it stays at revision {answer['revision']}"
    lines = [f"{there} is at revision {answer['revision']}", summary(answer["report"])]
    return "\n".join([*lines, after_push(answer, before)])


share(app, "dataset", "maintainer, editor or viewer", "viewer")
