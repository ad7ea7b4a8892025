"""Signs in, and keeps the tokens where only their owner can read them."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.asking import FactorFile, PasswordFile, factor_code, password
from cli.client import Api
from cli.exits import Stop
from cli.kept import Seen, Session, keep
from cli.named import is_id, own_organization
from cli.output import Json, show
from cli.session import ASKED, Address, closed, lacks_second_factor, leaving, reached, sign_in, standing

app = typer.Typer()
Email = Annotated[str, typer.Argument(help="The address that you registered with.")]
Organization = Annotated[
    str | None,
    typer.Option(help="Name or id of another of your organizations; else you are where you registered."),
]


@app.command()
def login(
    email: Email,
    organization: Organization = None,
    api: Address = None,
    password_file: PasswordFile = None,
    code_file: FactorFile = None,
    as_json: Json = False,
) -> None:
    """Sign in with an e-mail address, and a code where a second factor is on; the tokens are never printed.

    A program does not sign in with a password: it carries an API token in VISTORY_TOKEN (`vistory token create NAME`).
    """
    typed = password(password_file)
    where = {"organization_id": organization} if organization and is_id(organization) else {}
    at = reached(api)
    with Api(at, kept=Seen(at)) as door:  # what was seen of another platform is forgotten with the first answer
        answer = sign_in(door, email, typed, lambda: factor_code(code_file), tries=1 if code_file else 3, **where)
        if organization is not None and not where:
            answer |= gone_over(door, organization)
    file = keep(Session(at, email, answer["access_token"], answer["refresh_token"]))
    person = answer["person"]
    show(person, as_json, lambda: words(person, file, closed_there(at, answer)))


def closed_there(at: str, answer: Mapping[str, Any]) -> str:
    """As far as it is seen at this moment: whoever is signed in does not wait for that."""
    with suppress(Stop), Api(at, answer["access_token"]) as door:
        return closed(standing(door, answer["person"]))
    return ""


def gone_over(door: Api, organization: str) -> dict[str, Any]:
    """The session goes on there, under the refresh token that it has."""
    try:
        there = own_organization(door, organization)["id"]
    except Stop:
        door.post("/auth/logout")  # or a session would stay that nobody holds
        raise
    door.token = door.post("/auth/switch", organization_id=there)["access_token"]
    return {"access_token": door.token, "person": door.get("/auth/me")}


def words(person: Mapping[str, Any], file: Path, closed: str = "") -> str:
    told = f"signed in as {person['full_name']} ({person['role'] or 'waiting'}); kept in {file}"
    return "\n".join(
        filter(None, [told, closed, leaving(person["erasure_due_at"]), ASKED if lacks_second_factor(person) else ""])
    )
