"""May I, why not, and who could let me."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.named import id_of, member_of
from cli.output import Json, show, table
from cli.session import Address, signed_in

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(help="May I, why not, and who could let me.", no_args_is_help=True)
Action = Annotated[str, typer.Argument(help="rename_project, say; docs/permissions.md names all.")]
Target = Annotated[
    str | None,
    typer.Argument(help="The thing or the person that it is to be done to, where it is: name, address or id."),
]


@app.callback()
def permission() -> None:
    """May I, why not, and who could let me."""


@app.command(epilog="Example: vistory permission explain rename_project bridges")
def explain(action: Action, target: Target = None, api: Address = None, as_json: Json = False) -> None:
    """Whether you may do this now, by which rule, and what and who would change that."""
    with signed_in(api) as door:
        on = None if target is None else target_of(door, action, target)
        found = door.get("/permissions/explain", action=action, target=on)
    show(found, as_json, lambda: in_words(found))


def target_of(door: "Api", action: str, word: str) -> str:
    """A thing of the kind that the action is on; a membership is meant by its person."""
    from commands.permission import ACTIONS

    on = ACTIONS[action].on if action in ACTIONS else None
    match on.TOPIC if on else "":
        case "membership":
            return str(member_of(door, word)["id"])
        case "training_job":
            return id_of(door, "job", word)
        case "dataset" | "project" | "experiment" as noun:
            return id_of(door, noun, word)
    return word


def in_words(found: dict[str, Any]) -> str:
    if found["allowed"]:
        return f"yes: {found['why']}"
    enough = [f"the role {role}" for role in found["roles"]]
    enough += [f"the place of {place} in the {found['within']}" for place in found["places"]]
    enough += ["owning it"] if found["owner"] else []
    who = ((each["avatar_name"], f"{each['role']} of the {each['within']}") for each in found["granted_by"])
    given = "\n" + table(("who can give that", "as"), who) if found["granted_by"] else ""
    would = f"\nenough would be: {', or '.join(enough)}" if enough else ""
    return f"no: {found['why']}{would}{given}"
