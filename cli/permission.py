"""May I, why not, and who could let me."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.named import id_of, is_id, member_of
from cli.output import Json, one, show, table
from cli.session import Address, signed_in

if TYPE_CHECKING:
    from cli.client import Api

app = typer.Typer(help="May I, why not, and who could let me.", no_args_is_help=True)
Action = Annotated[str, typer.Argument(help="rename_project, say; docs/permissions.md names all.")]
Target = Annotated[
    str | None,
    typer.Argument(help="The thing or the person that it is to be done to, where it is: name, address or id."),
]
BY_NAME = "its name or its id"
# What the things that actions are on are called, and by what one means them.
NAMED = {
    "membership": ("member", "address, avatar name or id"),
    "training_job": ("training", "its id or the beginning of it"),
    "dataset": ("dataset", BY_NAME),
    "project": ("project", BY_NAME),
    "experiment": ("experiment", BY_NAME),
    "service_account": ("service account", BY_NAME),
}


@app.callback()
def permission() -> None:
    """May I, why not, and who could let me."""


@app.command(epilog="Example: vistory permission explain rename_project bridges")
def explain(action: Action, target: Target = None, api: Address = None, as_json: Json = False) -> None:
    """Whether you may do this now, by which rule, and what and who would change that."""
    if target is None and (wanted := missing(action)):
        raise Stop(wanted, Exit.USAGE)
    with signed_in(api) as door:
        on = None if target is None else target_of(door, action, target)
        found = door.get("/permissions/explain", action=action, target=on)
    show(found, as_json, lambda: in_words(found))


def topic_of(action: str) -> str | None:
    """On what kind of thing an action is; None on none, and of one that this version does not know."""
    from commands.permission import ACTIONS

    on = ACTIONS[action].on if action in ACTIONS else None
    return on.TOPIC if on else None


def is_known(action: str) -> bool:
    from commands.permission import ACTIONS

    return action in ACTIONS


def membership(door: "Api", word: str) -> str:
    """By its id alone for whoever may not read who the members are."""
    from cli.client import Problem

    try:
        return str(member_of(door, word)["id"])
    except Problem as refused:
        if refused.status != 403 or not is_id(word):
            raise
        return word


def missing(action: str) -> str:
    """What to name beside the action; nothing where it is on no thing, or on one's own organization."""
    topic = topic_of(action)
    if topic in (None, "organization"):
        return ""
    kind, by = NAMED.get(topic, (topic.replace("_", " "), "its id"))
    return (
        f"{action} is on {one(kind)}: name it behind the action, by {by}; `vistory permission explain {action} TARGET`"
    )


def target_of(door: "Api", action: str, word: str) -> str | None:
    """A thing of the kind that the action is on; a membership is meant by its person.

    Of an action that this version does not know a target that is no id is left out: else the platform would complain
    of that before it says whether there is such an action.
    """
    match topic_of(action):
        case None if is_known(action):
            raise Stop(f"{action} is on nothing: leave {word!r} out", Exit.USAGE)
        case None:
            return word if is_id(word) else None
        case "membership":
            return membership(door, word)
        case "training_job":
            return id_of(door, "job", word)
        case "dataset" | "project" | "experiment" as noun:
            return id_of(door, noun, word)
        case "service_account":
            return id_of(door, "service-account", word)
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
