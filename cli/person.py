"""Persons: one's own account, and, for whoever keeps this machine, erasing somebody."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.asking import must_be_meant
from cli.exits import Exit, Stop
from cli.files import must_be_new_file, named_file
from cli.local import Data, answered, hosting, person_at, settings_of
from cli.output import Json, show
from cli.session import Address, leaving, signed_in

if TYPE_CHECKING:
    from infra.config import Settings

app = typer.Typer(
    help="Your own account and language; and erasing a person from this machine's platform.", no_args_is_help=True
)
Somebody = Annotated[str, typer.Argument(help="E-mail address or id.")]
ExportFile = Annotated[Path, typer.Argument(help="A new file, which only you can read.", dir_okay=False)]
FullName = Annotated[str, typer.Argument(help="What you are called.")]
Language = Annotated[str, typer.Argument(help="en or ko.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")]


@app.command()
def export(file: ExportFile, api: Address = None, as_json: Json = False) -> None:
    """Write all that is held about you into a file, as JSON."""
    from infra.embedded.passwords import write_private

    must_be_new_file(file)
    with signed_in(api) as door:
        content = door.download(door.get_until_done("/users/me/export")["url"])
    with named_file():
        write_private(file, content)
    show({"file": str(file), "bytes": len(content)}, as_json, lambda: f"{file}: {len(content)} bytes")


@app.command()
def rename(full_name: FullName, api: Address = None, as_json: Json = False) -> None:
    """Change your full name."""
    with signed_in(api) as door:
        made = door.patch("/users/me", full_name=full_name)
    show(made, as_json, lambda: f"you are {full_name} now")


@app.command()
def language(language: Language, api: Address = None, as_json: Json = False) -> None:
    """Choose the language that the platform writes to you in."""
    with signed_in(api) as door:
        made = door.replace("/auth/me/language", language=language)
    show(made, as_json, lambda: f"letters to you are written in {language} from here on")


@app.command()
def leave(yes: Yes = False, api: Address = None, as_json: Json = False) -> None:
    """Have your account erased in some days; until then you can stay after all."""
    with signed_in(api) as door:
        if not yes:
            must_be_meant(f"Have the account of {door.get('/auth/me')['email']} erased, for good?", "--yes")
        made = door.delete("/users/me")
    show(made, as_json, lambda: leaving(made["due_at"]))


@app.command()
def stay(api: Address = None, as_json: Json = False) -> None:
    """Cancel the erasure of your account."""
    with signed_in(api) as door:
        made = door.post("/users/me/erasure/cancel")
    show(made, as_json, lambda: "your account stays")


@app.command()
def erase(person: Somebody, yes: Yes = False, data: Data = None, as_json: Json = False) -> None:
    """Erase a person at once and for good: key, addresses, password, memberships; what they did stays."""
    settings = settings_of(data)
    if not yes:
        must_be_meant(f"Erase {person}? What is personal about them can never be read again", "--yes")
    receipt = erased(settings, person)
    show(receipt, as_json, lambda: words(receipt))


def words(receipt: dict[str, Any]) -> str:
    return (
        f"person {receipt['person_id']} is erased, final from {receipt['ledger']}:{receipt['position']}\n"
        f"chain: {receipt['chain']}\n"
        "Free space of databases and their logs may hold old bytes: `vistory person scrub` overwrites them.\n"
        "Backups made before hold the person still: destroy those of the keys, or rotate the master key."
    )


def erased(settings: "Settings", person: str) -> dict[str, Any]:
    """The receipt, once every read model has forgotten."""
    with hosting(settings) as host:
        return host.erase(person_at(host, person))


@app.command()
def scrub(data: Data = None, as_json: Json = False) -> None:
    """Overwrite what is deleted but still stands in files of the databases and of their logs; after an erasure."""
    from psycopg.errors import LockNotAvailable

    from infra.scrub import scrub as work

    with answered():
        try:
            done = work(settings_of(data))
        except LockNotAvailable as busy:
            raise Stop("a table is read for so long that it could not be rewritten; try again", Exit.BUSY) from busy
    show({"tables": done}, as_json, lambda: f"{done} tables are rewritten, and no old file of a log is left")
