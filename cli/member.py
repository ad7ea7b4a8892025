"""The people of an organization: who is there, who waits, and what each may do."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Stop
from cli.named import person_of
from cli.output import Json, show, table
from cli.session import Address, signed_in

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(
    help="The people of your organization: who is there, who waits, and their roles.", no_args_is_help=True
)
Person = Annotated[str, typer.Argument(help="E-mail address, avatar name or id.")]
Role = Annotated[str, typer.Argument(help="admin, manager, engineer_ii, engineer_i or guest.")]
Waiting = Annotated[bool, typer.Option("--waiting", help="Only those who wait to be let in.")]


@app.command("list")
def list_members(waiting: Waiting = False, api: Address = None, as_json: Json = False) -> None:
    """Everybody, the newest first."""
    with signed_in(api) as door:
        members = list(door.pages("/members", waiting=True if waiting else None))
    heads = ("person", "called", "role", "name", "e-mail")
    show(members, as_json, lambda: table(heads, map(row, members)))


def row(member: dict[str, Any]) -> tuple[object, ...]:
    who = (member["person_id"], member["avatar_name"], member["role"] or "waits")
    return (*who, member["full_name"], member["email"])


@app.command()
def approve(person: Person, role: Role = "guest", api: Address = None, as_json: Json = False) -> None:
    """Let somebody in who registered for your organization and waits."""
    with signed_in(api) as door:
        made = door.post(f"/members/{waiting(door, person)}/approve", role=role)
    show(made, as_json, lambda: f"{person} is {role} now")


def waiting(door: "Api", person: str) -> str:
    """The membership that is to be approved."""
    for member in door.pages("/members", waiting=True):
        if person.casefold() in (member["person_id"], str(member["email"]).casefold(), member["avatar_name"]):
            return str(member["id"])
    raise Stop(f"nobody who waits is called {person!r}; `vistory member list` tells who is there")


@app.command()
def role(person: Person, role: Role, api: Address = None, as_json: Json = False) -> None:
    """Give somebody another role; it holds at once."""
    with signed_in(api) as door:
        made = door.patch(f"/admin/users/{person_of(door, person)}/role", role=role)
    show(made, as_json, lambda: f"{person} is {role} now")
