"""The main job, once, for real: from a command to a trained model, and back through its history."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import Stop
from cli.hint import line
from cli.local import NewData
from cli.wishes import Wishes

if TYPE_CHECKING:
    from cli.stage import Stage
    from infra.embedded import Change

app = typer.Typer()
Dataset = Annotated[
    Path | None,
    typer.Option(
        help="Your own folder (YOLO, Pascal VOC or ImageFolder) instead of digits.", exists=True, file_okay=False
    ),
]
Svg = Annotated[Path | None, typer.Option(help="Save what is shown as a picture.", dir_okay=False)]
Epochs = Annotated[int | None, typer.Option(help="Epochs of each training.", min=1)]
Images = Annotated[int | None, typer.Option(help="Scenes to compose, of each dataset.", min=30)]
MARK = ".vistory-demo"


@app.command()
def demo(
    dataset: Dataset = None, data: NewData = None, svg: Svg = None, epochs: Epochs = None, images: Images = None
) -> None:
    """Six steps on the real parts, in a data folder of its own, which is emptied first; fails if any step does."""
    from cli.files import must_have_a_folder
    from cli.stage import Stage
    from cli.up import interrupt_on_termination
    from infra.embedded import default_folder

    must_have_a_folder(svg)
    must_be_alone()
    folder = (data or default_folder("demo")).absolute()
    if dataset:
        look_at(dataset, folder)
    interrupt_on_termination()
    stage, begun = Stage(svg), time.monotonic()
    empty(folder)
    stage.title("Vistory: from nothing to a trained model, and back through its history")
    perform(stage, folder, Wishes(dataset, epochs, images))
    stage.done(f"all stopped; {time.monotonic() - begun:.0f} s in all")
    stage.say(f"It is all still there: {line('up', '--data', str(folder))}")
    stage.save("vistory demo")


def must_be_alone() -> None:
    """What the demo makes up is not for a ledger that somebody works with. Raises Stop."""
    from infra.config import Settings

    if named := Settings().named_servers:
        raise Stop(f"the demo runs on servers of its own; unset what names others first: {', '.join(named)}")


def look_at(dataset: Path, folder: Path) -> None:
    """Before anything is emptied, or started, for what cannot be taken. Raises Stop."""
    from cli.push import analyze, folder_of

    if dataset.resolve().is_relative_to(folder.resolve()):
        raise Stop(f"{dataset} lies in {folder}, which is emptied first; copy it to another place")
    analyze(folder_of(dataset))


def perform(stage: "Stage", folder: Path, wishes: Wishes) -> None:
    from cli.platform import running
    from cli.tour import Tour
    from cli.tour.way import go

    begun = time.monotonic()
    stage.step(1, "The stack comes up")
    with running(folder, lambda change: tell(stage, change)) as platform:
        stage.done(f"everything ready after {time.monotonic() - begun:.1f} s")
        with platform.sign_in() as api:
            go(Tour(stage, platform, api, folder / "demo", wishes))


def empty(folder: Path) -> None:
    """Only a folder that an earlier demo made, and that no stack runs on, is ever emptied."""
    import shutil

    from infra.embedded.folder import DataFolder

    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise Stop(f"{folder} is not empty and no demo made it; name another folder with --data")
        held = DataFolder(folder)
        held.make()
        held.lock()
        # The lock stays where it is: another demo that came meanwhile would find one of its own, else.
        kept = {folder / MARK, folder / "run", folder / "run" / "lock"}
        for part in {*folder.iterdir(), *(folder / "run").iterdir()} - kept:
            shutil.rmtree(part) if part.is_dir() else part.unlink()
        held.unlock()
    DataFolder(folder).make()
    (folder / MARK).touch()


def tell(stage: "Stage", change: "Change") -> None:
    names = {"postgres": "PostgreSQL", "nats": "NATS", "objects": "object storage", "mlflow": "MLflow"}
    if change.state == "ready":
        stage.done(f"{names.get(change.name, change.name)} ready after {change.after:.1f} s")
    elif change.state == "died":
        stage.say(f"{change.name} died: {change.detail}", "red")
