"""May I, why not, and who could let me."""

from typing import Annotated, Any

import typer

from cli.output import Json, show, table
from cli.session import Address, signed_in

app = typer.Typer(help="May I, why not, and who could let me.", no_args_is_help=True)
Action = Annotated[str, typer.Argument(help="rename_project, say; docs/permissions.md names all.")]
Target = Annotated[str | None, typer.Argument(help="Id of the thing that it is to be done to, where it is to one.")]


@app.callback()
def permission() -> None:
    """May I, why not, and who could let me."""


@app.command()
def explain(action: Action, target: Target = None, api: Address = None, as_json: Json = False) -> None:
    """Whether you may do this now, by which rule, and what and who would change that."""
    with signed_in(api) as door:
        found = door.get("/permissions/explain", action=action, target=target)
    show(found, as_json, lambda: in_words(found))


def in_words(found: dict[str, Any]) -> str:
    if found["allowed"]:
        return f"yes: {found['why']}"
    enough = [f"the role {role}" for role in found["roles"]]
    enough += [f"the place of a {place} in the project" for place in found["places"]]
    enough += ["owning it"] if found["owner"] else []
    who = ((each["avatar_name"], each["role"]) for each in found["granted_by"])
    given = "\n" + table(("who can give a role", "as"), who) if found["granted_by"] else ""
    return f"no: {found['why']}\nenough would be: {', or '.join(enough)}{given}"
