"""The settings of whoever keeps this machine: the data folder's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.files import named_file
from cli.hint import hear_data
from cli.kept import usual_folder

if TYPE_CHECKING:
    from uuid import UUID

    from commands.access import Command
    from infra.config import Settings
    from infra.host import Host

USUAL = "one in your home, or for root below /var/lib/vistory"
NewData = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help=f"The data folder; if left out, {USUAL}.", callback=hear_data),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help=f"The data folder; if left out, that of the platform that was started here, else {USUAL}.",
        callback=hear_data,
    ),
]


def settings_of(data: Path | None, process: str = "cli") -> "Settings":
    """What `up` leaves for commands beside it; with `process="migrate"`, the rights to change what stands there.

    What the environment names is an administrator's, for `up` and `migrate` to make narrow roles of; it is never used.
    """
    from cli.told import Told
    from infra.config import private

    file = (data or usual_folder()) / "run" / f"{process}.json"
    if not file.exists():
        raise Stop(f"{file} is missing: start the platform first (`vistory up`), or name its --data", Exit.UNREACHABLE)
    with named_file():
        return Told.model_validate_json(private(file).read_bytes())


def unreachable(error: Exception) -> Stop:
    why = str(error).strip().partition("\n")[0]
    return Stop(
        f"the platform does not answer: {why}; `vistory up` starts it, `vistory doctor` says what is wrong",
        Exit.UNREACHABLE,
    )


@contextmanager
def answered() -> Iterator[None]:
    """Raises Stop where the database does not answer what is asked within."""
    from psycopg import OperationalError

    try:
        yield
    except OperationalError as error:
        raise unreachable(error) from error


@contextmanager
def hosting(settings: "Settings") -> Iterator["Host"]:
    """The platform itself, which whoever keeps this machine may command. Raises Stop with what refuses a command."""
    from domain.errors import DomainError
    from infra.host import Host
    from infra.reading import NotThereYet

    try:
        with answered(), Host.open(settings) as host:
            yield host
    except (DomainError, NotThereYet) as refusal:
        raise Stop(str(refusal)) from refusal


def person_at(host: "Host", given: str) -> "UUID":
    """By address or id. Raises Stop."""
    found = host.find(given)
    if found is None:
        raise Stop("nobody has this address; give another, or the person's id")
    return found


def given(settings: "Settings", person: str, kind: "type[Command]") -> dict[str, Any]:
    """By the platform itself, about a person. Raises Stop."""
    with hosting(settings) as host:
        accepted = host.give(kind.model_validate({"person_id": person_at(host, person)}))
        return dict(accepted.model_dump(mode="json"))


@contextmanager
def reaching(settings: "Settings") -> Iterator[None]:
    """Whoever lives long waits for a database that is away; a command says so at once. Raises Stop."""
    import psycopg

    from infra.reach import out_of_reach

    try:
        psycopg.connect(settings.need("database_url"), connect_timeout=5).close()
        yield
    except Exception as error:
        if not out_of_reach(error):
            raise
        raise unreachable(error) from error
