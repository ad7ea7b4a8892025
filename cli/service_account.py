"""Service accounts: programs that belong to an organization and to nobody in it."""

from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.files import must_be_new_file
from cli.named import Thing, id_of, must_be_new, short
from cli.output import Json, facts, moment, one, show, table
from cli.session import Address, signed_in
from cli.token import HEADS as TOKEN_HEADS
from cli.token import Days, Into, Scopes, chosen, row, show_once

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(
    help="Service accounts: programs that belong to your organization and to nobody in it.", no_args_is_help=True
)
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its name or id.")]
Named = Annotated[str, typer.Argument(help="Which program it is: warehouse-export, say.")]
RoleGiven = Annotated[str, typer.Argument(metavar="ROLE", help="manager, engineer_ii, engineer_i or guest.")]
Role = Annotated[str, typer.Option(help="manager, engineer_ii, engineer_i or guest.")]
TokenNamed = Annotated[str, typer.Argument(metavar="NAME", help="What the token is for.")]
Which = Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, how it begins (vst_…), or its name.")]
Since = Annotated[str, typer.Option(help="beginning: all that ever happened; now: what comes from now on.")]
HEADS = ("service account", "name", "role", "last used", "")


@app.command()
def create(name: Named, role: Role = "guest", api: Address = None, as_json: Json = False) -> None:
    """Make one; what it can do are its role's rights, within the scopes of its tokens."""
    with signed_in(api) as door:
        must_be_new(door, "service-account", name, "choose another name")
        made = door.post("/service-accounts", name=name, role=role)
    there = Thing("service-account", made["id"], name)
    told = f"{there} is {one(role)}; `vistory service-account token {quote(name)} NAME` gives it a token"
    show(made, as_json, lambda: told)


@app.command("list")
def list_accounts(api: Address = None, as_json: Json = False) -> None:
    """Those of your organization, the newest first."""
    with signed_in(api) as door:
        accounts = list(door.pages("/service-accounts"))
    show(accounts, as_json, lambda: table(HEADS, map(account_row, accounts)))


def account_row(account: dict[str, Any]) -> tuple[object, ...]:
    last = moment(account["last_used_at"]) if account["last_used_at"] else "never"
    return account["id"], account["name"], account["role"], last, account["status"]


@app.command()
def rename(account: Account, name: Named, api: Address = None, as_json: Json = False) -> None:
    """Give it another name; the audit log keeps the old one."""
    with signed_in(api) as door:
        made = door.patch(f"/service-accounts/{account_of(door, account)}", name=name)
    show(made, as_json, lambda: f"{account} is called {name} now")


@app.command()
def role(account: Account, role: RoleGiven, api: Address = None, as_json: Json = False) -> None:
    """Give it another role, effective immediately."""
    with signed_in(api) as door:
        made = door.patch(f"/service-accounts/{account_of(door, account)}/role", role=role)
    show(made, as_json, lambda: f"{account} is {one(role)} now")


@app.command()
def disable(account: Account, api: Address = None, as_json: Json = False) -> None:
    """Shut it out at once; its tokens work again when it is enabled."""
    with signed_in(api) as door:
        made = door.post(f"/service-accounts/{account_of(door, account)}/disable")
    show(made, as_json, lambda: f"{account} is disabled")


@app.command()
def enable(account: Account, api: Address = None, as_json: Json = False) -> None:
    """Let it in again, with the tokens and the role of before."""
    with signed_in(api) as door:
        made = door.post(f"/service-accounts/{account_of(door, account)}/enable")
    show(made, as_json, lambda: f"{account} is back")


@app.command()
def delete(account: Account, api: Address = None, as_json: Json = False) -> None:
    """For good, and all its tokens with it; what it made stays."""
    with signed_in(api) as door:
        made = door.delete(f"/service-accounts/{account_of(door, account)}")
    show(made, as_json, lambda: f"{account} is deleted")


@app.command()
def token(
    account: Account,
    name: TokenNamed,
    scope: Scopes = None,
    days: Days = 90,
    into: Into = None,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """Make an API token for it; it is shown once and kept nowhere here."""
    must_be_new_file(into)
    with signed_in(api) as door:
        id = account_of(door, account)
        made = door.post(f"/service-accounts/{id}/tokens", name=name, scopes=scope or ["read"], days=days)
    show_once(made, into, as_json, f"`vistory service-account revoke {quote(account)} {short(made['id'])}`")


@app.command()
def tokens(account: Account, api: Address = None, as_json: Json = False) -> None:
    """Those that are or were its own, the newest first."""
    with signed_in(api) as door:
        found = list(door.pages(f"/service-accounts/{account_of(door, account)}/tokens"))
    show(found, as_json, lambda: table(TOKEN_HEADS, (row(each, {each["owner_id"]: account}) for each in found)))


@app.command()
def revoke(account: Account, token: Which, api: Address = None, as_json: Json = False) -> None:
    """Revoke one of its tokens; it is refused from this moment on."""
    with signed_in(api) as door:
        place = f"/service-accounts/{account_of(door, account)}/tokens"
        made = door.delete(f"{place}/{chosen(door.pages(place), token)}")
    show(made, as_json, lambda: f"{token} is revoked")


@app.command()
def subscribe(account: Account, since: Since = "beginning", api: Address = None, as_json: Json = False) -> None:
    """Let it hear every event of the organization on the bus; for admins, since private things are among them."""
    with signed_in(api) as door:
        made = door.post(f"/service-accounts/{account_of(door, account)}/subscription", since=since)
    where = f"`vistory service-account subscription {quote(account)}` tells where"
    show(made, as_json, lambda: f"{account} may subscribe, with a token for audit; {where}")


@app.command()
def subscription(account: Account, api: Address = None, as_json: Json = False) -> None:
    """Where on the bus it fetches its events, and up to where it has acknowledged."""
    with signed_in(api) as door:
        found = door.get(f"/service-accounts/{account_of(door, account)}/subscription")
    show(found, as_json, lambda: facts(found))


@app.command()
def unsubscribe(account: Account, api: Address = None, as_json: Json = False) -> None:
    """Let it hear nothing more; where it stood is forgotten."""
    with signed_in(api) as door:
        made = door.delete(f"/service-accounts/{account_of(door, account)}/subscription")
    show(made, as_json, lambda: f"{account} no longer receives events")


def account_of(door: "Api", word: str) -> str:
    return id_of(door, "service-account", word)
