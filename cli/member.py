"""The people of an organization: who is there, who waits, and what each may do."""

from shlex import quote
from typing import Annotated, Any

import typer

from cli.client import Api
from cli.exits import Exit, Stop
from cli.guess import perhaps
from cli.named import member_of, person_of
from cli.output import Json, one, show, table
from cli.session import Address, signed_in

app = typer.Typer(
    help="The people of your organization: who is there, who waits, and their roles.", no_args_is_help=True
)
Person = Annotated[str, typer.Argument(help="E-mail address, avatar name or id.")]
FullName = Annotated[str, typer.Argument(help="What the person is called.")]
Role = Annotated[str, typer.Argument(help="admin, manager, engineer_ii, engineer_i or guest.")]
Given = Annotated[
    str | None, typer.Argument(help="admin, manager, engineer_ii, engineer_i or guest; guest, if left out.")
]
Waiting = Annotated[bool, typer.Option("--waiting", help="Only those who wait to be let in.")]

Words = Annotated[str, typer.Argument(help="Part of a name, an address or an avatar name; everybody, if left out.")]
Of = Annotated[str | None, typer.Option("--role", help="Only those who have this role.")]
Standing = Annotated[str | None, typer.Option("--status", help="Only those who are active, waiting or deactivated.")]
HEADS = ("person", "called", "role", "name", "e-mail")


@app.command("list")
def list_members(waiting: Waiting = False, api: Address = None, as_json: Json = False) -> None:
    """Everybody, the newest first."""
    with signed_in(api) as door:
        members = list(door.pages("/members", waiting=True if waiting else None))
    show(members, as_json, lambda: table(HEADS, map(row, members)))


def row(member: dict[str, Any]) -> tuple[object, ...]:
    role = f"{member['role']} (deactivated)" if member["deactivated_at"] else member["role"] or "waits"
    who = (member["person_id"], member["avatar_name"], role)
    return (*who, member["full_name"], member["email"])


def user_row(user: dict[str, Any]) -> tuple[object, ...]:
    return (*row(user), "on" if user["second_factor"] else "off")


@app.command()
def approve(person: Person, role: Given = None, api: Address = None, as_json: Json = False) -> None:
    """Let somebody in who registered for your organization and waits."""
    given = role or "guest"
    must_be_role(given)
    with signed_in(api) as door:
        made = door.post(f"/members/{who_waits(door, person, role)['id']}/approve", role=given)
    another = "" if role else f"; `vistory member role {quote(person)} ROLE` gives another role"
    show(made, as_json, lambda: f"{person} is {one(given)} now{another}")


def must_be_role(word: str) -> None:
    """Raises Stop."""
    from domain.roles import Role

    if word not in list(Role):
        raise Stop(
            f"there is no role {word!r}{perhaps(word, map(str, Role))}; the roles are {', '.join(Role)}", Exit.USAGE
        )


def who_waits(door: Api, word: str, role: str | None) -> dict[str, Any]:
    """Raises Stop, which tells of somebody who is in already as what they are."""
    try:
        return member_of(door, word, waiting=True)
    except Stop as nobody:
        try:
            there = member_of(door, word)
        except Stop:
            raise nobody from None
    raise Stop(in_already(word, there, role))


def in_already(word: str, there: dict[str, Any], role: str | None) -> str:
    if there["deactivated_at"]:
        return f"{word} is deactivated and does not wait; `vistory member reactivate {quote(word)}` lets them back in"
    another = "ROLE" if role in (None, there["role"]) else role
    then = f"`vistory member role {quote(word)} {another}` gives another role"
    return f"{word} is in the organization already, as {one(str(there['role']))}; {then}"


@app.command()
def role(person: Person, role: Role, api: Address = None, as_json: Json = False) -> None:
    """Give somebody another role, effective immediately."""
    with signed_in(api) as door:
        made = door.patch(f"/admin/users/{person_of(door, person)}/role", role=role)
    show(made, as_json, lambda: f"{person} is {one(role)} now")


@app.command()
def find(
    words: Words = "", role: Of = None, status: Standing = None, api: Address = None, as_json: Json = False
) -> None:
    """Those whose name, address or avatar name has these words in it; for admins and managers."""
    with signed_in(api) as door:
        found = list(door.pages("/admin/users", q=words, role=role, status=status))
    show(found, as_json, lambda: table((*HEADS, "second factor"), map(user_row, found)))


@app.command()
def rename(person: Person, full_name: FullName, api: Address = None, as_json: Json = False) -> None:
    """Correct the full name of somebody who registered in your organization."""
    with signed_in(api) as door:
        made = door.patch(f"/admin/users/{person_of(door, person)}", full_name=full_name)
    show(made, as_json, lambda: f"{person} is {full_name} now")


@app.command()
def deactivate(person: Person, api: Address = None, as_json: Json = False) -> None:
    """Shut somebody out at once, and free the seat; what they have in the organization stays."""
    with signed_in(api) as door:
        made = door.post(f"/admin/users/{person_of(door, person)}/deactivate")
    show(made, as_json, lambda: f"{person} is deactivated")


@app.command()
def reactivate(person: Person, api: Address = None, as_json: Json = False) -> None:
    """Let somebody back in who was deactivated, with the role of before."""
    with signed_in(api) as door:
        made = door.post(f"/admin/users/{person_of(door, person)}/reactivate")
    show(made, as_json, lambda: f"{person} is back")


@app.command("reset-second-factor")
def reset_second_factor(person: Person, api: Address = None, as_json: Json = False) -> None:
    """Take away the second factor of somebody who lost it; the password alone signs in until there is another."""
    with signed_in(api) as door:
        made = door.delete(f"/admin/users/{person_of(door, person)}/second-factor")
    show(made, as_json, lambda: f"{person} no longer has a second factor")


@app.command()
def remove(person: Person, api: Address = None, as_json: Json = False) -> None:
    """Send somebody away, or turn down who waits; the person's account stays."""
    with signed_in(api) as door:
        made = door.delete(f"/admin/users/{person_of(door, person)}")
    show(made, as_json, lambda: f"{person} is out of the organization")
