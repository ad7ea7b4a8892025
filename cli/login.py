"""Signs in, and keeps the tokens where only their owner can read them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.asking import FactorFile, PasswordFile, factor_code, password
from cli.client import Api
from cli.kept import Session, keep
from cli.output import Json, show
from cli.session import ASKED, Address, lacks_second_factor, reached, sign_in

app = typer.Typer()
Email = Annotated[str, typer.Argument(help="The address that you registered with.")]


@app.command()
def login(
    email: Email,
    api: Address = None,
    password_file: PasswordFile = None,
    code_file: FactorFile = None,
    as_json: Json = False,
) -> None:
    """Sign in with an e-mail address, and a code where a second factor is on; the tokens are never printed.

    A program signs in by no password: it carries an API token in VISTORY_TOKEN (`vistory token create NAME`).
    """
    typed = password(password_file)
    with Api(reached(api)) as door:
        answer = sign_in(door, email, typed, lambda: factor_code(code_file))
    tokens = answer["access_token"], answer["refresh_token"]
    file = keep(Session(reached(api), email, *tokens))
    person = answer["person"]
    show(person, as_json, lambda: words(person, file))


def words(person: dict[str, Any], file: Path) -> str:
    told = f"signed in as {person['full_name']} ({person['role'] or 'waiting'}); kept in {file}"
    return f"{told}\n{ASKED}" if lacks_second_factor(person) else told
