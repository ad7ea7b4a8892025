"""Where one is signed in, and how to end that from here."""

from typing import Annotated

import typer

from cli.named import id_among
from cli.output import Json, moment, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="Where you are signed in; end one of these sessions.", no_args_is_help=True)
HEADS = ("session", "begun", "last used", "from", "device", "")
Which = Annotated[str, typer.Argument(help="Its id, or the beginning of it, as `vistory sessions list` shows it.")]


@app.command("list")
def list_sessions(api: Address = None, as_json: Json = False) -> None:
    """Each with its device and its last use, the one that was used last first."""
    with signed_in(api) as door:
        sessions = door.get("/auth/sessions")
    rows = [
        (
            each["id"],
            moment(each["begun_at"]),
            moment(each["used_at"]),
            each["address"],
            each["device"],
            mark(each["current"]),
        )
        for each in sessions
    ]
    show(sessions, as_json, lambda: table(HEADS, rows))


def mark(current: bool) -> str:
    return "this one" if current else ""


@app.command()
def end(session: Which, api: Address = None, as_json: Json = False) -> None:
    """Sign out there, effective immediately."""
    with signed_in(api) as door:
        id = id_among(door.get("/auth/sessions"), "session", session, "vistory sessions list")
        made = door.delete(f"/auth/sessions/{id}")
    show(made, as_json, lambda: "that session has ended")
