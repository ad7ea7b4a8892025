"""Backs up the keys of persons: without them, what is personal in the history reads [erased] for ever."""

import base64
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.local import Data, settings_of, unreachable
from cli.output import Json, show

if TYPE_CHECKING:
    from infra.config import Settings

app = typer.Typer(help="Back up the keys that personal data is sealed with.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="Where to, best on another disk.", file_okay=False)]


@app.callback()
def keys() -> None:
    """Back up the keys that personal data is sealed with."""


@app.command()
def backup(folder: Folder, data: Data = None, as_json: Json = False) -> None:
    """Save every person's key (wrapped) and the master key that opens them, in two files of mode 0600."""
    from infra.embedded.passwords import write_private

    settings = settings_of(data)
    rows = wrapped(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"person-keys-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    saved = write_private(folder / name, json.dumps({"format": 1, "keys": rows}).encode())
    master = copied(Path(settings.need("master_key_file")), folder)
    made = {"persons": len({row["subject"] for row in rows}), "keys": str(saved), "master_key": str(master)}
    show(made, as_json, lambda: words(made))


def words(made: dict[str, Any]) -> str:
    return (
        f"keys of {made['persons']} persons: {made['keys']}\nmaster key: {made['master_key']}\n"
        "Keep the two apart. Destroy older copies: whoever was erased since lives on in them."
    )


def wrapped(settings: "Settings") -> list[dict[str, Any]]:
    import psycopg

    try:
        with psycopg.connect(settings.need("keys_database_url")) as connection:
            rows = connection.execute(
                "SELECT subject, version, master, wrapped FROM person_keys ORDER BY 1, 2"
            ).fetchall()
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    return [
        {"subject": str(subject), "version": version, "master": master, "wrapped": base64.b64encode(key).decode()}
        for subject, version, master, key in rows
    ]


def copied(master: Path, folder: Path) -> Path:
    target = folder / master.name
    target.touch(mode=0o600)
    shutil.copyfile(master, target)
    return target
