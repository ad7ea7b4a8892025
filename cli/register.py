"""Registers a person in the organization that company and division name."""

from typing import Annotated

import typer

from cli.client import Api
from cli.files import password_in
from cli.login import PasswordFile
from cli.output import Json, show
from cli.session import DEFAULT_API, Address

app = typer.Typer()


@app.command()
def register(
    email: str,
    name: Annotated[str, typer.Option(help="Your name.", prompt="Your name")],
    company: Annotated[
        str, typer.Option(help="Company; the same company and division are one organization.", prompt=True)
    ],
    division: Annotated[str, typer.Option(help="Division of the company.", prompt=True)],
    api: Address = None,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Register; the first of an organization is its admin, who lets later ones in (`vistory member approve`)."""
    password = password_in(password_file) if password_file else typer.prompt("Password", hide_input=True)
    who = {"email": email, "full_name": name, "company": company, "division": division, "password": password}
    with Api(api or DEFAULT_API) as door:
        made = door.post("/auth/register", **who)
    waits = "an admin of the organization has to let you in" if made["status"] == "waiting" else "`vistory login` next"
    show(made, as_json, lambda: f"registered as {made['avatar_name']}; {waits}")
