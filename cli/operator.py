"""Operators of the platform, named by whoever keeps this machine: they see organizations and their use, no content."""

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from cli.asking import must_be_meant
from cli.local import Data, answered, given, hosting, settings_of
from cli.output import Json, show, table

if TYPE_CHECKING:
    from infra.config import Settings

app = typer.Typer(help="Who sees all organizations and their use, and changes their quotas.", no_args_is_help=True)
Person = Annotated[str, typer.Argument(help="E-mail address or id.")]
Which = Annotated[UUID, typer.Argument(metavar="ORGANIZATION", help="The id of the organization.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")]


@app.command()
def add(person: Person, data: Data = None, as_json: Json = False) -> None:
    """Make somebody an operator; it holds at once."""
    from commands.operator import AppointOperator

    made = given(settings_of(data), person, AppointOperator)
    show(made, as_json, lambda: f"{person} is an operator of this platform now")


@app.command()
def remove(person: Person, data: Data = None, as_json: Json = False) -> None:
    """Let somebody be an operator no more; it holds at once."""
    from commands.operator import DismissOperator

    made = given(settings_of(data), person, DismissOperator)
    show(made, as_json, lambda: f"{person} is no operator any more")


@app.command("list")
def list_operators(data: Data = None, as_json: Json = False) -> None:
    """Whoever is one."""
    found = operators(settings_of(data))
    show(found, as_json, lambda: table(("person", "called", "e-mail"), (tuple(row.values()) for row in found)))


@app.command("close-organization")
def close_organization(organization: Which, yes: Yes = False, data: Data = None, as_json: Json = False) -> None:
    """Close any organization for everybody in it at once, and for good 30 days later."""
    from commands.closure import CloseOrganizationOf

    settings = settings_of(data)
    if not yes:
        must_be_meant(f"Close the organization {organization}? All that it has goes in 30 days", "--yes")
    with hosting(settings) as host:
        made = host.give(CloseOrganizationOf(organization_id=organization)).model_dump(mode="json")
    again = f"`vistory operator reopen-organization {organization}` opens it again"
    show(made, as_json, lambda: f"{organization} is closed; {again}")


@app.command("reopen-organization")
def reopen_organization(organization: Which, data: Data = None, as_json: Json = False) -> None:
    """Open an organization again before its time is over."""
    from commands.closure import ReopenOrganizationOf

    with hosting(settings_of(data)) as host:
        made = host.give(ReopenOrganizationOf(organization_id=organization)).model_dump(mode="json")
    show(made, as_json, lambda: f"{organization} is open again")


def operators(settings: "Settings") -> list[dict[str, Any]]:
    from contextlib import closing

    from infra.reading import Reading
    from projections.person import list_operators

    with answered(), closing(Reading(settings.need("database_url"), pool_size=1)) as reading:
        return reading.ask(list_operators, [])
