"""Who is signed in, where, and as what."""

from typing import Any

import typer

from cli.output import Json, show
from cli.session import ASKED, Address, closed, lacks_second_factor, leaving, signed_in, standing

app = typer.Typer()
UNVERIFIED = "a letter to this address has a code, which `vistory email verify` asks for"


@app.command()
def whoami(api: Address = None, as_json: Json = False) -> None:
    """Your names, address, role and organization, the platform, and when your account is erased, if you asked."""
    with signed_in(api) as door:
        me = door.get("/auth/me")
        here = standing(door, me)
    found = me | {"organization": here and here["name"], "closed_at": here and here["closed_at"], "api": door.url}
    show(found, as_json, lambda: words(found, closed(here)))


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
