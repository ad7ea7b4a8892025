"""What is in the trash, and how it goes for good."""

from contextlib import suppress
from typing import Annotated

import typer

from cli.asking import word as asked
from cli.named import Thing, id_of, thing_of
from cli.output import moment, show
from cli.session import signed_in

Trash = Annotated[bool, typer.Option("--trash", help="Only those in the trash.")]
Confirm = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Its name, exactly, so that nothing goes by mistake; else it is asked."),
]


def thrown_away(noun: str, word: str, api: str | None, as_json: bool) -> None:
    """Until when it can come back is said where that can be read: it is done already."""
    from cli.client import Problem

    until = ""
    with signed_in(api) as door:
        there = thing_of(door, noun, word)
        made = door.delete(there.path)
        with suppress(Problem):
            until = "" if as_json else f" until {moment(door.get(there.path)['purge_at'])}"
    back = f"`vistory {noun} undelete {there.id}` brings it back"
    show(made, as_json, lambda: f"{there} is in the trash{until}; {back}")


def purged(noun: str, word: str, name: str | None, api: str | None, as_json: bool) -> None:
    """Whoever purges a thing repeats its name."""
    with signed_in(api) as door:
        at = f"/{noun}s/{id_of(door, noun, word, trash=True)}"
        found = door.get(at)
        there = Thing(noun, found["id"], found["name"])
        question = f"{there} can never come back then; repeat its name"
        name = asked(name, f"the {noun}'s name", "--confirm NAME", question)
        made = door.post(f"{at}/purge", name=name)
    show(made, as_json, lambda: f"{there} is gone for good; its bytes are deleted in an hour")
