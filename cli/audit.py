"""Who did what to what, in sentences."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.exits import Exit, Stop
from cli.named import id_of
from cli.output import Json, moment, show
from cli.session import Address, signed_in

app = typer.Typer()
Mine = Annotated[bool, typer.Option("--mine", help="Only what you did.")]
Project = Annotated[str | None, typer.Option(help="Only of this project and what is in it: its name or id.")]
Action = Annotated[str | None, typer.Option(help="Only this action; an unknown one lists those there are.")]
Kind = Annotated[str | None, typer.Option(help="Only what was done to this kind of thing: project, say.")]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=1000)]


@app.command()
def audit(
    mine: Mine = False,
    project: Project = None,
    action: Action = None,
    entity_type: Kind = None,
    limit: Limit = 50,
    api: Address = None,
    as_json: Json = False,
) -> None:
    """The audit log of your organization, the newest first."""
    if mine and project is not None:
        raise Stop("--mine and --project are two logs; ask for one of them", Exit.USAGE)
    with signed_in(api) as door:
        where = "me" if mine else "organization"
        if project is not None:
            where = f"project/{id_of(door, 'project', project)}"
        lines = door.get(f"/audit/{where}", action=action, entity_type=entity_type, limit=limit)["items"]
    nothing = "nothing of that kind happened yet" if action or entity_type else "nothing happened yet"
    show(lines, as_json, lambda: "\n".join(map(sentence, lines)) or nothing)


def sentence(line: Mapping[str, Any]) -> str:
    return f"{moment(line['recorded_at'])}  {line['sentence']}"
