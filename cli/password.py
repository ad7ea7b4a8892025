"""For who forgot a password: a link comes by mail, and its code sets another."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import Api
from cli.files import password_in
from cli.login import PasswordFile
from cli.output import Json, show
from cli.session import Address, reached

app = typer.Typer(help="A forgotten password: a link by mail, and another password by that.", no_args_is_help=True)
CodeFile = Annotated[Path | None, typer.Option(help="Read the code of the mail from this file instead of asking.")]


@app.callback()
def password() -> None:
    """A forgotten password: a link by mail, and another password by that."""


@app.command()
def forgot(email: str, api: Address = None, as_json: Json = False) -> None:
    """Have a link sent to this address, if somebody has it."""
    with Api(reached(api)) as door:
        answer = door.post("/auth/forgot-password", email=email)
    show(answer, as_json, lambda: "if this address is registered, a mail is on its way; `vistory password reset` next")


@app.command()
def reset(
    api: Address = None, code_file: CodeFile = None, password_file: PasswordFile = None, as_json: Json = False
) -> None:
    """Set another password with the code of that mail."""
    code = password_in(code_file) if code_file else typer.prompt("Code from the mail", hide_input=True)
    new = password_in(password_file) if password_file else typer.prompt("New password", hide_input=True)
    with Api(reached(api)) as door:
        answer = door.post("/auth/reset-password", token=code.strip(), password=new)
    show(answer, as_json, lambda: "the password is set; `vistory login EMAIL` next")
