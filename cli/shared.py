"""Who is in a project or a dataset, and whose it is: the same commands for both."""

from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.named import avatar_names, id_of, is_id, member_of, person_of, thing_of
from cli.output import Json, show, table
from cli.session import Address, signed_in

if TYPE_CHECKING:
    from cli.client import Api

Person = Annotated[str, typer.Argument(help="E-mail address, avatar name or id of a member of your organization.")]


def share(app: typer.Typer, noun: str, roles: str, usual: str, *, invites: bool = False) -> None:
    """Give the commands of a noun those about its members, whose place is one of `roles`, and about its owner.

    With `invites`, whoever is no member of the organization is asked in by mail.
    """
    _of_newcomers(app, noun, roles, usual, invites)
    _of_members(app, noun, roles)
    _of_owner(app, noun)


def _of_newcomers(app: typer.Typer, noun: str, roles: str, usual: str, invites: bool) -> None:
    Thing = Annotated[str, typer.Argument(metavar=noun.upper(), help=f"Name or id of the {noun}.")]
    Role = Annotated[str, typer.Option(help=f"{roles}.")]
    others = " Anybody else is invited by mail." if invites else ""

    @app.command(help=f"Give somebody of your organization a place in a {noun}.{others}")
    def add(thing: Thing, person: Person, role: Role = usual, api: Address = None, as_json: Json = False) -> None:
        with signed_in(api) as door:
            there = thing_of(door, noun, thing)
            by_address = invites and "@" in person
            whom = {"email": person} if by_address else {"person_id": person_of(door, person)}
            made = door.post(f"{there.path}/members", **whom, role=role)
        letter = " once the letter that is on its way is accepted" if made.get("invitation_id") else ""
        show(made, as_json, lambda: f"{person} is {role} of {there}{letter}")


def _of_members(app: typer.Typer, noun: str, roles: str) -> None:
    Thing = Annotated[str, typer.Argument(metavar=noun.upper(), help=f"Name or id of the {noun}.")]
    Place = Annotated[str, typer.Argument(metavar="ROLE", help=f"{roles}.")]

    @app.command(help=f"Change somebody's place in a {noun}.")
    def role(thing: Thing, person: Person, role: Place, api: Address = None, as_json: Json = False) -> None:
        with signed_in(api) as door:
            there = thing_of(door, noun, thing)
            made = door.patch(f"{there.path}/members/{person_of(door, person)}", role=role)
        show(made, as_json, lambda: f"{person} is {role} of {there} now")

    @app.command(help=f"Give up your own place in a {noun}.")
    def leave(thing: Thing, api: Address = None, as_json: Json = False) -> None:
        with signed_in(api) as door:
            there = thing_of(door, noun, thing)
            made = door.delete(f"{there.path}/members/{door.get('/auth/me')['id']}")
        show(made, as_json, lambda: f"you have left {there}")

    @app.command(help=f"Take away somebody's place in a {noun}.")
    def remove(thing: Thing, person: Person, api: Address = None, as_json: Json = False) -> None:
        with signed_in(api) as door:
            there = thing_of(door, noun, thing)
            made = door.delete(f"{there.path}/members/{person_of(door, person)}")
        show(made, as_json, lambda: f"{person} no longer has a place in {there}")


def _of_owner(app: typer.Typer, noun: str) -> None:
    Thing = Annotated[str, typer.Argument(metavar=noun.upper(), help=f"Name or id of the {noun}.")]

    @app.command(help=f"Offer a {noun} to somebody, who owns it once they accept.")
    def offer(thing: Thing, person: Person, api: Address = None, as_json: Json = False) -> None:
        with signed_in(api) as door:
            there = thing_of(door, noun, thing)
            whom = {"person_id": person} if is_id(person) else member_of(door, person)
            made = door.post(f"{there.path}/owner/offer", person_id=whom["person_id"])
        who = whom.get("email", person)
        then = f"{who} takes it over, signed in, by: vistory {noun} accept {quote(there.word)}"
        show(made, as_json, lambda: f"{there} is offered to {who}, and stays yours until it is accepted; {then}")

    @app.command(help=f"Take over a {noun} that was offered to you.")
    def accept(thing: Thing, api: Address = None, as_json: Json = False) -> None:
        act(noun, thing, "/owner/accept", api, as_json, "is yours")

    @app.command(help=f"Decline a {noun} that was offered to you; it stays with its owner.")
    def decline(thing: Thing, api: Address = None, as_json: Json = False) -> None:
        act(noun, thing, "/owner/decline", api, as_json, "stays with its owner")

    @app.command(help=f"Take back the offer of a {noun}.")
    def withdraw(thing: Thing, api: Address = None, as_json: Json = False) -> None:
        act(noun, thing, "/owner/withdraw", api, as_json, "is offered to nobody any more")


def act(noun: str, thing: str, deed: str, api: str | None, as_json: bool, done: str) -> None:
    with signed_in(api) as door:
        there = thing_of(door, noun, thing)
        made = door.post(f"{there.path}{deed}")
    show(made, as_json, lambda: f"{there} {done}")


def path(door: "Api", noun: str, thing: str) -> str:
    return f"/{noun}s/{id_of(door, noun, thing)}"


def with_people(door: "Api", at: str) -> dict[str, Any]:
    """What is there, its members, and what its owner and whom it is offered to are called."""
    found: dict[str, Any] = door.get(at) | {"members": door.get(f"{at}/members")}
    return found | {"called": avatar_names(door, {found["owner_id"], found["offered_to"]} - {None})}


def people(found: dict[str, Any]) -> str:
    """A table of who is in it."""
    of_owners = ((found["owner_id"], "owner"), (found["offered_to"], "owner, once that is accepted"))
    rows = [(id, found["called"].get(id), role) for id, role in of_owners if id]
    rows += [(each["person_id"], each["avatar_name"], each["role"]) for each in found["members"]]
    return table(("person", "called", "role"), rows)
