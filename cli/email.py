"""The address that somebody is reached at: verified by the code of a letter, sent again, and left for another."""

from typing import Annotated

import typer

from cli.asking import CodeFile, FactorFile, PasswordFile, factor_code, mailed_code, password
from cli.client import Api
from cli.kept import current
from cli.letter import by_letter
from cli.output import Json, show
from cli.session import Address, reached, signed_in

app = typer.Typer(help="Your e-mail address: verify it, have another link sent, or change it.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(help="The address that was registered.")]
Another = Annotated[str, typer.Argument(help="The address that you want to be reached at.")]
RESEND = "if the address is not verified yet, `vistory email resend EMAIL` has another letter sent"


@app.callback()
def email() -> None:
    """Your e-mail address: verify it, have another link sent, or change it."""


@app.command()
def verify(api: Address = None, code_file: CodeFile = None, as_json: Json = False) -> None:
    """Say that an address is yours, with the code of the mail that was sent there."""
    code = mailed_code(code_file)
    with Api(reached(api)) as door, by_letter(RESEND):
        answer = door.post("/auth/verify-email", token=code)
    then = "; `vistory login EMAIL` next" if current() is None else ""
    show(answer, as_json, lambda: f"the address is verified{then}")


@app.command()
def resend(email: Email, api: Address = None, as_json: Json = False) -> None:
    """Have another link sent to this address, if somebody has it who has not verified it."""
    with Api(reached(api)) as door:
        answer = door.post("/auth/resend-verification", email=email)
    show(
        answer,
        as_json,
        lambda: "if this address waits to be verified, a mail is on its way; `vistory email verify` next",
    )


@app.command()
def change(
    email: Another,
    api: Address = None,
    password_file: PasswordFile = None,
    code_file: FactorFile = None,
    as_json: Json = False,
) -> None:
    """Be reached at another address, and sign in with it; it is yours once you give the code of the mail there."""
    proof = {"password": password(password_file)}
    with signed_in(api) as door:
        if door.get("/auth/me")["second_factor"]:
            proof["code"] = factor_code(code_file)
        answer = door.post("/users/me/email", email=email, **proof)
    show(answer, as_json, lambda: f"a mail is on its way to {email}; `vistory email verify` next")
