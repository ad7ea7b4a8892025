"""Signs in, and keeps the tokens where only their owner can read them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import Api
from cli.files import password_in
from cli.output import Json, show
from cli.session import ASKED, Address, Session, keep, lacks_second_factor, reached, sign_in

app = typer.Typer()
CodeFile = Annotated[
    Path | None, typer.Option(help="Read the code of the second factor from this file instead of asking for it.")
]
PasswordFile = Annotated[Path | None, typer.Option(help="Read the password from this file instead of asking for it.")]


@app.command()
def login(
    email: str,
    api: Address = None,
    password_file: PasswordFile = None,
    code_file: CodeFile = None,
    as_json: Json = False,
) -> None:
    """Sign in with an e-mail address, and a code where a second factor is on; the tokens are never printed."""
    password = password_in(password_file) if password_file else typer.prompt("Password", hide_input=True)
    with Api(reached(api)) as door:
        answer = sign_in(door, email, password, lambda: code_in(code_file))
    tokens = answer["access_token"], answer["refresh_token"]
    file = keep(Session(reached(api), email, *tokens))
    person = answer["person"]
    show(person, as_json, lambda: words(person, file))


def words(person: dict[str, Any], file: Path) -> str:
    told = f"signed in as {person['full_name']} ({person['role'] or 'waiting'}); kept in {file}"
    return f"{told}\n{ASKED}" if lacks_second_factor(person) else told


def code_in(file: Path | None) -> str:
    """Of the authenticator app, or a recovery code."""
    return (password_in(file) if file else str(typer.prompt("Code", err=True))).strip()
