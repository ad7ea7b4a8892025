"""Signs out, here or everywhere, and forgets the tokens that were kept."""

from typing import Annotated

import typer

from cli.client import Problem
from cli.exits import Exit
from cli.files import named_file
from cli.kept import Session, current, place
from cli.output import Json, show
from cli.session import signed_in

app = typer.Typer()
Everywhere = Annotated[bool, typer.Option("--everywhere", help="End every session of yours, on every device.")]


@app.command()
def logout(everywhere: Everywhere = False, as_json: Json = False) -> None:
    """Sign out: the session is over at once, and its tokens are forgotten here; done again it changes nothing."""
    was = current()
    try:
        if was is not None:
            end(everywhere)
    finally:
        with named_file():
            place().unlink(missing_ok=True)
    who = gone(was) if was else "nobody was signed in"
    show({"email": was.email if was else None}, as_json, lambda: who)


def gone(was: Session) -> str:
    """With the address, which is forgotten, too."""
    return f"{was.email} is signed out of {was.api}; `vistory login {was.email} --api {was.api}` signs in again"


def end(everywhere: bool) -> None:
    """One that was over already is as good."""
    with signed_in() as door:
        try:
            door.post("/auth/logout-everywhere" if everywhere else "/auth/logout")
        except Problem as problem:
            if problem.exit_code != Exit.SIGNED_OUT:
                raise
