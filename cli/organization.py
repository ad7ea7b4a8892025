"""The organization: what it is called, who may join, how much of its quotas is used; and going over to another."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.asking import FactorFile, PasswordFile, factor_code, password, word
from cli.exits import Exit, Stop
from cli.kept import go_on_with
from cli.named import own_organization
from cli.output import Json, moment, show, table
from cli.session import Address, signed_in

UNTIL_THEN = "and until then an admin can reopen it: `vistory organization reopen`"
OVER = ": more than its quota; what is there stays, and nothing more is let in"
app = typer.Typer(
    help="Your organization: its name, who may join, its quotas and their use; go over to another.",
    no_args_is_help=True,
)
HEADS = ("id", "name", "company", "division", "you are", "")
Which = Annotated[str, typer.Argument(help="Its name, its id or the beginning of it.")]
Name = Annotated[str | None, typer.Option(help="What it is called; company and division stay.")]
Admission = Annotated[
    str | None,
    typer.Option(help="Who may join by its company and division: open, approval or invitation (nobody)."),
]
SecondFactor = Annotated[
    bool | None,
    typer.Option(
        "--second-factor/--no-second-factor", help="Whether members may act only once they have a second factor."
    ),
]
Users = Annotated[int | None, typer.Option("--max-users", min=0, help="How many people it may have.")]
Storage = Annotated[int | None, typer.Option("--max-storage-gb", min=0, help="How many GB it may store.")]
Confirm = Annotated[
    str | None, typer.Option("--confirm", metavar="NAME", help="Its name, exactly, so that none is closed by mistake.")
]
Hours = Annotated[int | None, typer.Option("--max-gpu-hours", min=0, help="How many GPU hours it may use in a month.")]


@app.command("show")
def show_organization(api: Address = None, as_json: Json = False) -> None:
    """Its name, who may join, and its quotas with what is used of them."""
    with signed_in(api) as door:
        found = door.get("/organization")
    show(found, as_json, lambda: words(found))


def words(found: Mapping[str, Any]) -> str:
    closed = [f"closed; it ends at {moment(found['purge_at'])}, {UNTIL_THEN}"] if found["closed_at"] else []
    return "\n".join(
        [
            f"{found['name']}  {found['id']}",
            *closed,
            f"company {found['company']}, division {found['division']}; to join: {found['admission']}",
            f"second factor: {'every member needs one' if found['second_factor_required'] else 'up to each member'}",
            *quotas(found),
        ]
    )


def quotas(found: Mapping[str, Any]) -> list[str]:
    use = found["use"]
    users, storage, hours = use["users"], use["storage_gb"], use["gpu_hours_this_month"]
    lines = {
        f"users: {users} of {found['max_users']}, {an_admin(found['admins'])}": users > found["max_users"],
        f"storage: {storage:.3f} of {found['max_storage_gb']} GB": storage > found["max_storage_gb"],
        f"GPU hours this month: {hours:.1f} of {found['max_gpu_hours_per_month']}": (
            hours > found["max_gpu_hours_per_month"]
        ),
    }
    return [line + OVER * is_over for line, is_over in lines.items()]


def an_admin(count: int) -> str:
    return "1 of them an admin" if count == 1 else f"{count} of them admins"


@app.command("list")
def list_organizations(api: Address = None, as_json: Json = False) -> None:
    """Those that you have a role in, and where you are now."""
    with signed_in(api) as door:
        found = door.get("/auth/me/organizations")
        here = {each["organization_id"] for each in door.get("/auth/sessions") if each["current"]}
    show(found, as_json, lambda: table(HEADS, (row(each, here) for each in found)))


def row(one: Mapping[str, Any], here: set[str]) -> tuple[object, ...]:
    marks = ("here" if one["id"] in here else "", "closed" if one["closed_at"] else "")
    named = (one["id"], one["name"], one["company"], one["division"], one["role"])
    return (*named, ", ".join(filter(None, marks)))


@app.command(epilog="Example: vistory organization switch 'Acme / Vision'")
def switch(organization: Which, api: Address = None, as_json: Json = False) -> None:
    """Go over to another of your organizations; commands after this one act there."""
    with signed_in(api) as door:
        there = own_organization(door, organization)
        go_on_with(door.post("/auth/switch", organization_id=there["id"])["access_token"])
    show(there, as_json, lambda: f"you are in {there['name']} now, as {there['role']}")


@app.command()
def change(
    name: Name = None,
    admission: Admission = None,
    users: Users = None,
    storage: Storage = None,
    hours: Hours = None,
    second_factor: SecondFactor = None,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Change what is named and leave the rest; for admins."""
    given = {"name": name, "admission": admission, "max_users": users, "max_storage_gb": storage}
    given |= {"max_gpu_hours_per_month": hours, "second_factor_required": second_factor}
    wish = {what: value for what, value in given.items() if value is not None}
    if not wish:
        raise Stop("name what to change; `vistory organization change --help` lists it", Exit.USAGE)
    with signed_in(api) as door:
        door.patch("/organization", **wish)
        found = door.get("/organization")
    show(found, as_json, lambda: words(found))


@app.command()
def close(
    confirm: Confirm = None,
    api: Address = None,
    password_file: PasswordFile = None,
    code_file: FactorFile = None,
    as_json: Json = False,
) -> None:
    """Close it for everybody at once, and for good 30 days later; for admins."""
    with signed_in(api) as door:
        found = door.get("/organization")
        name = repeated(found["name"], confirm)
        proof = {"name": name, "password": password(password_file)}
        if door.get("/auth/second-factor")["on"]:
            proof["code"] = factor_code(code_file)
        made = door.post("/organization/close", **proof)
    show(made, as_json, lambda: f"it is closed, and ends at {moment(made['purge_at'])}, {UNTIL_THEN}")


def repeated(name: str, confirm: str | None) -> str:
    """Another one is refused before anything else is asked. Raises Stop."""
    question = f"All that {name!r} has goes in 30 days; repeat its name to close it"
    typed = word(confirm, "the organization's name", "--confirm NAME", question).strip()
    if typed != name:
        raise Stop(f"the organization is called {name!r}; repeat that exactly to close it")
    return typed


@app.command()
def reopen(api: Address = None, as_json: Json = False) -> None:
    """Open it again before its time is over; for admins."""
    with signed_in(api) as door:
        was = door.get("/organization")
        made = door.post("/organization/reopen")
    again = "it is open again; trainings, invitations and offers that ended as it closed stay ended"
    show(made, as_json, lambda: again if was["closed_at"] else "it is open already")
