"""Operators, whom whoever keeps this machine names: they see all organizations and their use, no content."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from cli.asking import must_be_meant
from cli.exits import Exit, Stop
from cli.local import Data, answered, given, hosting, settings_of
from cli.named import id_among, is_id
from cli.organization import Hours, Storage, Users
from cli.output import Json, moment, show, table
from cli.session import Address, signed_in

if TYPE_CHECKING:
    from infra.config import Settings

app = typer.Typer(help="Who sees all organizations and their use, and changes their quotas.", no_args_is_help=True)
Person = Annotated[str, typer.Argument(help="E-mail address or id.")]
Which = Annotated[str, typer.Argument(help="Name or id of the organization, or the beginning of its id.")]
Words = Annotated[str, typer.Argument(help="Part of a name, a company or a division; every one, if left out.")]
LISTING = "vistory operator list-organizations"
HEADS = ("id", "name", "users", "GB stored", "GPU hours this month", "")
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")]


@app.command()
def add(person: Person, data: Data = None, as_json: Json = False) -> None:
    """Make somebody an operator, effective immediately."""
    from commands.operator import AppointOperator

    made = given(settings_of(data), person, AppointOperator)
    show(made, as_json, lambda: f"{person} is an operator of this platform now")


@app.command()
def remove(person: Person, data: Data = None, as_json: Json = False) -> None:
    """Remove an operator, effective immediately."""
    from commands.operator import DismissOperator

    made = given(settings_of(data), person, DismissOperator)
    show(made, as_json, lambda: f"{person} is no longer an operator")


@app.command("list")
def list_operators(data: Data = None, as_json: Json = False) -> None:
    """All operators."""
    found = operators(settings_of(data))
    show(found, as_json, lambda: table(("person", "called", "e-mail"), (tuple(row.values()) for row in found)))


@app.command("list-organizations")
def list_organizations(words: Words = "", api: Address = None, as_json: Json = False) -> None:
    """Every organization of the platform with its use and its quotas, the newest first; for operators."""
    with signed_in(api) as door:
        found = list(door.pages("/admin/organizations", q=words))
    show(found, as_json, lambda: table(HEADS, map(row, found)))


def row(one: Mapping[str, Any]) -> tuple[object, ...]:
    use, end = one["use"], one["purge_at"]
    users, storage = f"{use['users']} of {one['max_users']}", f"{use['storage_gb']:.3f} of {one['max_storage_gb']}"
    hours = f"{use['gpu_hours_this_month']:.1f} of {one['max_gpu_hours_per_month']}"
    return (one["id"], one["name"], users, storage, hours, f"closed; it ends at {moment(end)}" if end else "")


@app.command("change-quotas")
def change_quotas(
    organization: Which,
    max_users: Users = None,
    max_storage_gb: Storage = None,
    max_gpu_hours: Hours = None,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Change those quotas of an organization that are named, and leave the rest; for operators."""
    quotas = {"max_users": max_users, "max_storage_gb": max_storage_gb, "max_gpu_hours_per_month": max_gpu_hours}
    wish = {what: value for what, value in quotas.items() if value is not None}
    if not wish:
        raise Stop("name what to change; `vistory operator change-quotas --help` lists it", Exit.USAGE)
    with signed_in(api) as door:
        id = id_among(door.pages("/admin/organizations"), "organization", organization, LISTING)
        made = door.patch(f"/admin/organizations/{id}", **wish)
    show(made, as_json, lambda: f"{organization} has other quotas now; `vistory operator list-organizations` tells")


@app.command("close-organization")
def close_organization(organization: Which, yes: Yes = False, data: Data = None, as_json: Json = False) -> None:
    """Close any organization for everybody in it at once, and for good 30 days later."""
    from commands.closure import CloseOrganizationOf

    settings = settings_of(data)
    id = organization_at(settings, organization)
    if not yes:
        must_be_meant(f"Close the organization {organization}? All that it has goes in 30 days", "--yes")
    with hosting(settings) as host:
        made = host.give(CloseOrganizationOf(organization_id=id)).model_dump(mode="json")
    again = f"`vistory operator reopen-organization {id}` opens it again"
    show(made, as_json, lambda: f"{organization} is closed; {again}")


@app.command("reopen-organization")
def reopen_organization(organization: Which, data: Data = None, as_json: Json = False) -> None:
    """Open an organization again before its time is over."""
    from commands.closure import ReopenOrganizationOf

    settings = settings_of(data)
    id = organization_at(settings, organization)
    with hosting(settings) as host:
        made = host.give(ReopenOrganizationOf(organization_id=id)).model_dump(mode="json")
    show(made, as_json, lambda: f"{organization} is open again")


def organization_at(settings: "Settings", word: str) -> UUID:
    """Of all that the platform has. Raises Stop."""
    from contextlib import closing

    from infra.reading import Reading
    from projections.organizations import every_organization

    if is_id(word):
        return UUID(word)
    with answered(), closing(Reading(settings.need("database_url"), pool_size=1)) as reading:
        every: list[dict[str, str]] = reading.ask(every_organization, [])
    return UUID(id_among(every, "organization", word, LISTING))


def operators(settings: "Settings") -> list[dict[str, Any]]:
    from contextlib import closing

    from infra.reading import Reading
    from projections.person import list_operators

    with answered(), closing(Reading(settings.need("database_url"), pool_size=1)) as reading:
        return reading.ask(list_operators, [])
