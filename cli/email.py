"""The address that somebody is reached at: verified by the code of a letter, which can be sent again."""

from pathlib import Path
from typing import Annotated

import typer

from cli.client import Api
from cli.files import password_in
from cli.output import Json, show
from cli.session import DEFAULT_API, Address

app = typer.Typer(help="Your e-mail address: verify it, or have another link sent.", no_args_is_help=True)
CodeFile = Annotated[Path | None, typer.Option(help="Read the code of the mail from this file instead of asking.")]


@app.callback()
def email() -> None:
    """Your e-mail address: verify it, or have another link sent."""


@app.command()
def verify(api: Address = None, code_file: CodeFile = None, as_json: Json = False) -> None:
    """Say that an address is yours, with the code of the mail that was sent there."""
    code = password_in(code_file) if code_file else typer.prompt("Code from the mail", hide_input=True)
    with Api(api or DEFAULT_API) as door:
        answer = door.post("/auth/verify-email", token=code.strip())
    show(answer, as_json, lambda: "the address is verified")


@app.command()
def resend(email: str, api: Address = None, as_json: Json = False) -> None:
    """Have another link sent to this address, if somebody has it who has not verified it."""
    with Api(api or DEFAULT_API) as door:
        answer = door.post("/auth/resend-verification", email=email)
    show(
        answer,
        as_json,
        lambda: "if this address waits to be verified, a mail is on its way; `vistory email verify` next",
    )
