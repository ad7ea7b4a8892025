"""Backs up the keys of persons: without them, what is personal in the history reads [erased] for ever."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Stop
from cli.files import named_file
from cli.kept import usual_folder
from cli.local import Data, answered, settings_of
from cli.output import Json, show

if TYPE_CHECKING:
    from uuid import UUID

    from infra.config import Settings
    from infra.keys import MasterKey

app = typer.Typer(help="Back up the keys that personal data is sealed with.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Where the wrapped keys go, best on another disk.", file_okay=False)]
MasterFolder = Annotated[
    Path, typer.Option("--master-to", help="Where the master key goes, apart from the wrapped ones.", file_okay=False)
]
Saved = Annotated[Path, typer.Argument(help="The wrapped keys that `backup` saved.", exists=True, dir_okay=False)]
Master = Annotated[Path, typer.Option("--master", help="The master key they belong to.", exists=True, dir_okay=False)]


@app.callback()
def keys() -> None:
    """Back up the keys that personal data is sealed with, and bring them back."""


@app.command(epilog="Example: vistory keys backup /mnt/one --master-to /mnt/another")
def backup(folder: Folder, master_to: MasterFolder, data: Data = None, as_json: Json = False) -> None:
    """Save every person's key (wrapped) in one folder and the master key that opens them in another, mode 0600."""
    made = saved(settings_of(data), folder, master_to)
    show(made, as_json, lambda: words(made))


@app.command()
def restore(file: Saved, master: Master, data: Data = None, as_json: Json = False) -> None:
    """Bring back keys that were lost; whoever was erased, here or in the backup, stays erased."""
    made = restored(settings_of(data), file, master)
    show(made, as_json, lambda: f"{made['keys']} keys are back; restart the platform, so that each part reads them")


@app.command()
def rotate(data: Data = None, as_json: Json = False) -> None:
    """Wrap all keys under a new master key, while the platform is stopped; after that, older backups open nothing."""
    from infra.embedded import Stack
    from infra.rotation import rotate as work

    with Stack(data or usual_folder()) as stack:
        stack.start_servers(mlflow=False)
        settings = stack.settings_for("cli")
        count = work(settings.need("keys_database_url"), Path(settings.need("master_key_file")))
    show({"keys": count}, as_json, lambda: f"{count} keys are rewrapped; back them up, and destroy older copies")


def words(made: dict[str, Any]) -> str:
    persons = "1 person" if made["persons"] == 1 else f"{made['persons']} persons"
    return (
        f"keys of {persons}: {made['keys']}\nmaster key: {made['master_key']}\n"
        "Keep the two apart. Destroy older copies: whoever was erased since lives on in them."
    )


def saved(settings: "Settings", folder: Path, master_to: Path) -> dict[str, Any]:
    from cli.person_keys import read
    from infra import keys_saved
    from infra.embedded.passwords import write_private
    from infra.wiring import master_key

    if folder.resolve() == master_to.resolve():
        raise Stop("whoever holds both can read everything: name two folders, best on two disks")
    rows, moment = asked(settings, read)
    proven(master_key(Path(settings.need("master_key_file"))), rows)
    name = f"person-keys-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    master = Path(settings.need("master_key_file"))
    with named_file():
        for each in (folder, master_to):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = write_private(folder / name, json.dumps({"format": 1, "keys": rows}).encode())
        copy = write_private(master_to / master.name, master.read_bytes())
    if settings.data is not None:
        keys_saved.note(settings.data, moment)
    persons = len({row["subject"] for row in rows if row["wrapped"]})
    return {"persons": persons, "keys": str(file), "master_key": str(copy)}


def restored(settings: "Settings", file: Path, master: Path) -> dict[str, Any]:
    from cli.person_keys import Unfit, parsed, without, write
    from infra.config import private
    from infra.embedded.passwords import write_private
    from infra.keys import MASTER_BYTES, MasterKey

    target = Path(settings.need("master_key_file"))
    key = private(master).read_bytes()
    if len(key) != MASTER_BYTES:
        raise Stop(f"{master} is no master key: it has {len(key)} bytes, not {MASTER_BYTES}")
    is_new = not target.exists() or target.read_bytes() != key
    with_it = MasterKey(target.stem, key)
    try:
        rows = without(parsed(private(file).read_bytes(), with_it), erased(settings))
        count = asked(settings, lambda connection: write(connection, rows, with_it if is_new else None))
    except Unfit as unfit:
        raise Stop(str(unfit)) from unfit
    if is_new:
        write_private(target, key)
    return {"keys": count}


def proven(master: "MasterKey", rows: "list[dict[str, Any]]") -> None:
    """Raises Stop where this master key opens not every one: the backup would be worth nothing."""
    from cli.person_keys import Unfit, parsed

    try:
        parsed(json.dumps({"format": 1, "keys": rows}).encode(), master)
    except Unfit as unfit:
        back = "`vistory keys restore FILE --master KEY`"
        raise Stop(f"{unfit}: nothing is saved; bring the right one back first ({back})") from unfit


def erased(settings: "Settings") -> "list[UUID]":
    """Whose key may not come back, however old the backup is."""
    from infra.erased import gone

    return list(asked(settings, gone, "database_url"))


def asked(settings: "Settings", question: Any, database: str = "keys_database_url") -> Any:
    import psycopg

    with answered(), psycopg.connect(settings.need(database)) as connection:
        return question(connection)
