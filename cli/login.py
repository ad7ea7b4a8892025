"""Signs in, and keeps the tokens where only their owner can read them."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import Api
from cli.files import password_in
from cli.output import Json, show
from cli.session import DEFAULT_API, Address, Session, keep, sign_in

app = typer.Typer()
PasswordFile = Annotated[Path | None, typer.Option(help="Read the password from this file instead of asking for it.")]


@app.command()
def login(email: str, api: Address = None, password_file: PasswordFile = None, as_json: Json = False) -> None:
    """Sign in with an e-mail address; the tokens are never printed."""
    password = password_in(password_file) if password_file else typer.prompt("Password", hide_input=True)
    with Api(api or DEFAULT_API) as door:
        answer = sign_in(door, email, password)
    tokens = answer["access_token"], answer["refresh_token"]
    file = keep(Session((api or DEFAULT_API).rstrip("/"), email, *tokens))
    person = answer["person"]
    show(person, as_json, lambda: f"signed in as {person['full_name']} ({person['role'] or 'waiting'}); kept in {file}")
