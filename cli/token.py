"""API tokens: what programs carry instead of a person."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.exits import Stop
from cli.files import must_be_new_file, named_file
from cli.named import avatar_names, begins, short
from cli.output import Json, moment, show, table
from cli.session import Address, signed_in

app = typer.Typer(
    help="API tokens, for programs to carry in VISTORY_TOKEN: make one, see them, revoke one.", no_args_is_help=True
)
Named = Annotated[str, typer.Argument(help="What it is for: nightly, say.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="read, write, train or audit; several by naming each. read, if left out."),
]
Days = Annotated[int, typer.Option(min=1, max=365, help="For how many days it is valid.")]
Into = Annotated[
    Path | None, typer.Option(help="Write the token into this new file, which only you can read, and do not print it.")
]
Which = Annotated[str, typer.Argument(help="Its id, how it begins (vst_…), or its name.")]
Everybody = Annotated[bool, typer.Option("--everybody", help="Of all in the organization; for its admins.")]
HEADS = ("token", "begins", "name", "scopes", "owner", "last used", "valid until", "")


@app.command(epilog="Example: vistory token create nightly --scope read --scope train --into nightly.token")
def create(
    name: Named,
    scope: Scopes = None,
    days: Days = 90,
    into: Into = None,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Make one; it is shown once and kept nowhere here."""
    must_be_new_file(into)
    with signed_in(api) as door:
        made = door.post("/tokens", name=name, scopes=scope or ["read"], days=days)
    show_once(made, into, as_json, f"`vistory token revoke {short(made['id'])}`")


def show_once(made: dict[str, Any], into: Path | None, as_json: bool, undo: str) -> None:
    if into is None:
        told = f"{made['token']}\nkeep it now: it is not shown again ({undo} revokes it)"
        return show(made, as_json, lambda: told)
    from infra.embedded.passwords import write_private

    with named_file():
        write_private(into, made.pop("token").encode())
    return show(
        made | {"file": str(into)}, as_json, lambda: f"token {short(made['id'])} is in {into}; {undo} revokes it"
    )


@app.command("list")
def list_tokens(everybody: Everybody = False, api: Address = None, as_json: Json = False) -> None:
    """Those that are or were yours, the newest first."""
    with signed_in(api) as door:
        tokens = list(door.pages("/tokens", everybody=True if everybody else None))
        names = {} if as_json else avatar_names(door, {each["owner_id"] for each in tokens})
    show(tokens, as_json, lambda: table(HEADS, (row(each, names) for each in tokens)))


def row(token: dict[str, Any], names: Mapping[str, str]) -> tuple[object, ...]:
    last = moment(token["last_used_at"]) if token["last_used_at"] else "never"
    what = (token["id"], token["prefix"], token["name"], " ".join(token["scopes"]))
    return (*what, names.get(token["owner_id"], token["owner_id"]), last, moment(token["expires_at"]), token["status"])


@app.command()
def revoke(token: Which, api: Address = None, as_json: Json = False) -> None:
    """Revoke one; it is refused from this moment on."""
    with signed_in(api) as door:
        made = door.delete(f"/tokens/{chosen(door.pages('/tokens'), token)}")
    show(made, as_json, lambda: f"{token} is revoked")


def chosen(tokens: Iterable[dict[str, Any]], word: str) -> str:
    """By id, the beginning of it, how the token begins, or the name that only one that is good bears."""
    from cli.named import is_id

    if is_id(word):
        return word
    good = [each for each in tokens if each["status"] == "good"]
    found = [each["id"] for each in good if word in (each["name"], each["prefix"]) or begins(each["id"], word)]
    if len(found) != 1:
        why = f"{len(found)} tokens may be meant by" if found else "no token that is good is called"
        raise Stop(f"{why} {word!r}; the list of tokens tells what there is")
    return str(found[0])
