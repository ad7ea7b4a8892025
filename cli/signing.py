"""The keys that access tokens are signed with: which there are, and their rotation."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.exits import Stop
from cli.local import Data, settings_of
from cli.output import Json, show, table

app = typer.Typer(
    help="The keys that access tokens are signed with: which are valid, rotate them.", no_args_is_help=True
)
HEADS = ("key", "written", "")
Leaked = Annotated[
    bool, typer.Option("--leaked", help="Others know the key: nothing that it signed is valid from here on.")
]


@app.command("list")
def list_keys(data: Data = None, as_json: Json = False) -> None:
    """The newest, which signs, and the one before, which still verifies."""
    from infra.signing_keys import SigningKey, before

    file = file_of(data)
    there = [each for each in (file, before(file)) if each.exists()]
    keys = [{"kid": SigningKey.read(each).kid, "written": written(each), "signs": each == file} for each in there]
    show(keys, as_json, lambda: table(HEADS, map(row, keys)))


def row(key: dict[str, Any]) -> tuple[object, ...]:
    return key["kid"], key["written"], "signs" if key["signs"] else "verifies"


@app.command()
def rotate(leaked: Leaked = False, data: Data = None, as_json: Json = False) -> None:
    """A new key signs from here on; what the last one signed stays valid until the rotation after this."""
    from infra.signing_keys import before
    from infra.signing_keys import rotate as rotated
    from infra.tokens import ACCESS_LIFE

    file = file_of(data)
    life = ACCESS_LIFE.total_seconds()
    if not leaked and before(file).exists() and time.time() - file.stat().st_mtime < life:
        raise Stop(f"rotated less than {life / 60:.0f} minutes ago: tokens of the key before are still about; wait")
    key = rotated(file, leaked)
    show({"kid": key.kid}, as_json, lambda: f"{key.kid} signs from here on; every process knows within a second")


def file_of(data: Path | None) -> Path:
    return Path(settings_of(data, "api").need("token_key_file"))


def written(file: Path) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(file.stat().st_mtime))
