"""Who is signed in, where, and as what."""

from typing import Any

import typer

from cli.output import Json, moment, show
from cli.session import ASKED, Address, carried, closed, lacks_second_factor, leaving, signed_in, standing

app = typer.Typer()
UNVERIFIED = "a letter to this address has a code, which `vistory email verify` asks for"


@app.command()
def whoami(api: Address = None, as_json: Json = False) -> None:
    """Your names, address, role and organization, the platform, and when your account is erased, if you asked.

    For a program that carries an API token: whose it is, for what, and until when.
    """
    with signed_in(api) as door:
        if carried():
            token = door.get("/auth/token") | {"api": door.url}
            return show(token, as_json, lambda: of_program(token))
        me = door.get("/auth/me")
        here = standing(door, me)
    found = me | {"organization": here and here["name"], "closed_at": here and here["closed_at"], "api": door.url}
    show(found, as_json, lambda: words(found, closed(here)))


def of_program(token: dict[str, Any]) -> str:
    whose = f"{'a service account' if token['owner_kind'] == 'service' else 'a person'} ({token['owner_id']})"
    return (
        f"the API token {token['name']} ({token['prefix']}) of {whose}, {token['role']}, at {token['api']}: "
        f"{', '.join(token['scopes'])}, until {moment(token['expires_at'])}"
    )


def words(found: dict[str, Any], closed: str = "") -> str:
    of = f" of {found['organization']}" if found["organization"] else ""
    role = f"{found['role']}{of}" if found["role"] else "waits to be let in by an admin"
    address = f"<{found['email']}>" if found["email_verified"] else f"<{found['email']}> (not verified)"
    who = f"{found['full_name']} {address}, {found['avatar_name']} to others: {role}, at {found['api']}"
    lines = [who, closed, "" if found["email_verified"] else UNVERIFIED]
    lines += [
        leaving(found["erasure_due_at"]),
        "a second factor is on" if found["second_factor"] else "",
        ASKED if lacks_second_factor(found) else "",
    ]
    return "\n".join(filter(None, lines))
