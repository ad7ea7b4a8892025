"""Looks at every part of a platform and says, in words, what is wrong and what to do about it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from cli.exits import Exit
from cli.kept import usual_folder
from cli.local import Data
from cli.output import Json, show, table

if TYPE_CHECKING:
    from infra.checkup import Finding

app = typer.Typer()


@app.command()
def doctor(data: Data = None, as_json: Json = False) -> None:
    """Every part, its version, its lag, what is wrong and what to do; ends with status 6 where something is wrong."""
    from infra.checkup import Place, State, examine

    place = Place((data or usual_folder()).absolute())
    findings = examine(place)
    healthy = not any(each.state is State.WRONG for each in findings)
    facts: dict[str, Any] = {"healthy": healthy, "data": str(place.path), "findings": [asdict(f) for f in findings]}
    show(facts, as_json, lambda: words(findings))
    if not healthy:
        raise typer.Exit(Exit.UNWELL)


def words(findings: Sequence["Finding"]) -> str:
    rows = [(each.state, each.part, each.version, each.lag, each.says) for each in findings]
    remedies = [f"{each.part}: {each.says}\n    -> {each.do}" for each in findings if each.do]
    end = ["", "What to do:", *remedies] if remedies else ["", "Everything is well."]
    return "\n".join([table(("state", "part", "version", "lag", "found"), rows), *end])
