"""For who forgot a password: a link comes by mail, and its code sets another."""

from typing import Annotated

import typer

from cli.asking import CodeFile, PasswordFile, mailed_code
from cli.asking import password as asked
from cli.client import Api
from cli.letter import by_letter
from cli.output import Json, show
from cli.session import Address, reached

app = typer.Typer(help="A forgotten password: a link by mail, and another password by that.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(help="The address that you registered with.")]
KeepTokens = Annotated[
    bool,
    typer.Option(
        "--keep-tokens",
        help="Keep your API tokens valid: you only forgot the password, and made each of them yourself.",
    ),
]


ANOTHER = "`vistory password forgot EMAIL` has another letter sent"
KEPT = "your API tokens are good still, if your address was verified before; else they are revoked"


@app.callback()
def password() -> None:
    """A forgotten password: a link by mail, and another password by that."""


@app.command()
def forgot(email: Email, api: Address = None, as_json: Json = False) -> None:
    """Have a link sent to this address, if somebody has it."""
    with Api(reached(api)) as door:
        answer = door.post("/auth/forgot-password", email=email)
    show(answer, as_json, lambda: "if this address is registered, a mail is on its way; `vistory password reset` next")


@app.command()
def reset(
    api: Address = None,
    code_file: CodeFile = None,
    password_file: PasswordFile = None,
    keep_tokens: KeepTokens = False,
    as_json: Json = False,
) -> None:
    """Set another password with the code of that mail; sessions end, and API tokens are revoked."""
    code, new = mailed_code(code_file), asked(password_file, "New password", twice=True)
    with Api(reached(api)) as door, by_letter(ANOTHER):
        answer = door.post("/auth/reset-password", token=code, password=new, keep_tokens=keep_tokens)
    show(answer, as_json, lambda: done(keep_tokens))


def done(keep_tokens: bool) -> str:
    """Whose password it was, the answer does not tell; it need not be that of whoever is signed in."""
    return "\n".join(
        [
            "the password is set, and every session of this account has ended; `vistory login EMAIL` next",
            KEPT if keep_tokens else "your API tokens are revoked",
            "if a second factor was on and signing in no longer asks for it, it was taken off, because your address "
            "was not verified before: `vistory second-factor on` sets it up again",
        ]
    )
