"""What a look at a whole platform finds, part by part, whether it is up, half up or down."""

from collections.abc import Callable, Iterable, Iterator

from infra.checkup import ground, ledger, others, processes, storage, stream
from infra.checkup.finding import Finding, State, wrong
from infra.checkup.place import Place

__all__ = ["Finding", "Place", "State", "examine"]

CHECKS: tuple[tuple[str, Callable[[Place], Iterable[Finding]]], ...] = (
    ("platform", ground.platform),
    ("disk", ground.room),
    ("secrets", ground.secrets),
    ("environments", ground.environments),
    ("ports", ground.ports),
    ("PostgreSQL", ledger.database),
    ("ledger", ledger.consumers),
    ("parked", ledger.parked),
    ("trainings", ledger.trainings),
    ("keys of persons", ledger.keys),
    ("storage", storage.totals),
    ("NATS", stream.bus),
    ("object storage", others.objects),
    ("MLflow", others.mlflow),
    ("mail", others.mail),
    ("processes", processes.ours),
)


def examine(place: Place) -> list[Finding]:
    return [finding for part, check in CHECKS for finding in _guarded(part, check, place)]


def _guarded(part: str, check: Callable[[Place], Iterable[Finding]], place: Place) -> Iterator[Finding]:
    """What one part cannot answer keeps no other from being looked at."""
    try:
        yield from check(place)
    except Exception as error:
        said = str(error).partition("\n")[0]
        problem = f"it could not be examined: {type(error).__name__}{said and f': {said}'}"
        yield wrong(part, problem, "look at its log in the data folder; if it seems well there, report this")
