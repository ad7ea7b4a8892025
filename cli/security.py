"""The security log: failed sign-ins, and who asked for what is not theirs."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.output import Json, moment, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="Sign-ins that failed, and who asked for what is not theirs.", no_args_is_help=True)
Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)]
Days = Annotated[int, typer.Option(help="Of how many days.", min=1, max=90)]
CALLED = {
    "sign_in_failed": "a wrong password",
    "second_factor_failed": "a wrong code after the right password",
    "recovery_code_failed": "a wrong recovery code after the right password",
    "token_made_up": "a link or token that was never given",
    "reached_out": "asked for a thing of another organization",
    "reached_in": "somebody of another organization asked for a thing of yours",
}


@app.command("list")
def list_entries(limit: Limit = 50, api: Address = None, as_json: Json = False) -> None:
    """Events that concern your organization and the accounts of its members, the newest first; for its admins."""
    with signed_in(api) as door:
        found = door.get("/admin/security", limit=limit)["items"]
    heads = ("last", "times", "what", "person", "from")
    show(found, as_json, lambda: table(heads, map(row, found)) if found else "nothing was refused that is worth a note")


def row(entry: Mapping[str, Any]) -> tuple[object, ...]:
    network = entry["network"] or ("many" if entry["kind"] != "reached_in" else "")
    return moment(entry["last_at"]), entry["count"], CALLED[entry["kind"]], entry["avatar_name"], network


@app.command()
def counts(days: Days = 7, api: Address = None, as_json: Json = False) -> None:
    """How many events of each kind there were on the whole platform, day by day; for its operators."""
    with signed_in(api) as door:
        found = door.get("/admin/security/counts", days=days)
    rows = [(each["day"][:10], each["count"], CALLED[each["kind"]]) for each in found]
    show(found, as_json, lambda: table(("day", "times", "what"), rows) if rows else "nothing was refused in these days")
