"""What a command asks a person for. Where there is no terminal it says by which option a script gives it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import Exit, Stop
from cli.files import secret_in

PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Read the password from this file (-: standard input) instead of asking."),
]
CodeFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Read the code of the mail from this file (-: standard input)."),
]
FactorFile = Annotated[
    Path | None,
    typer.Option(
        "--code-file", metavar="FILE", help="Read the code of the second factor from this file (-: standard input)."
    ),
]


def attended() -> bool:
    """Whether there is somebody to ask: what comes by a pipe is data, and no answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def password(file: Path | None, question: str = "Password", *, twice: bool = False) -> str:
    """One that is set is typed twice, since nobody sees it. Raises Stop."""
    if file is not None:
        return secret_in(file, "password")
    _must_be_attended("the password", "--password-file FILE")
    if twice:
        from domain.credentials import FEWEST

        question += f" ({FEWEST} characters at least)"
    return str(typer.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))


def mailed_code(file: Path | None) -> str:
    if file is not None:
        return secret_in(file, "code").strip()
    _must_be_attended("the code from the mail", "--code-file FILE")
    return str(typer.prompt("Code from the mail", hide_input=True, err=True)).strip()


def factor_code(file: Path | None) -> str:
    """Of the authenticator app, or a recovery code."""
    if file is not None:
        return secret_in(file, "code").strip()
    _must_be_attended("the code of the second factor", "--code-file FILE")
    return str(typer.prompt("Code", err=True)).strip()


def word(given: str | None, what: str, option: str, question: str = "") -> str:
    """`what` names the value in messages; `question` replaces it as the prompt, if given."""
    if given is not None:
        return given
    _must_be_attended(what, option)
    return str(typer.prompt(question or f"{what[:1].upper()}{what[1:]}", err=True))


def must_be_meant(question: str, option: str) -> None:
    """Raises Abort where a person thinks better of it."""
    _must_be_attended("whether this is meant", option)
    typer.confirm(question, abort=True, err=True)


def _must_be_attended(what: str, option: str) -> None:
    if not attended():
        by_pipe = " (- is standard input)" if option.endswith("FILE") else ""
        raise Stop(f"there is no terminal to ask for {what}: give {option}{by_pipe}", Exit.USAGE)
