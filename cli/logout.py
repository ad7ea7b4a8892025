"""Forgets who is signed in."""

import typer

from cli.files import named_file
from cli.output import Json, show
from cli.session import current, place

app = typer.Typer()


@app.command()
def logout(as_json: Json = False) -> None:
    """Forget the token that signing in left on this machine; done again it changes nothing."""
    was = current()
    with named_file():
        place().unlink(missing_ok=True)
    who = f"{was.email} is signed out of {was.api}" if was else "nobody was signed in"
    show({"email": was.email if was else None}, as_json, lambda: who)
