"""What a check of rights costs, beside the same request without it and a bare round trip to the same database."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from statistics import median
from typing import Final
from uuid import UUID

from anyio.from_thread import start_blocking_portal

from api.house import House
from bench.frame import Result, percentile
from commands.access import Caller, May
from domain.errors import Forbidden
from domain.model import SYSTEM
from domain.project import Project
from domain.roles import Permission

EACH = 1_000
_PLATFORM: Final = Caller(kind="system", id=SYSTEM)


def rights_of(
    work: str, house: House, callers: Sequence[Caller], places: Sequence[UUID], token: Callable[[Caller], str] | None
) -> Result:
    """Three things in turn. What is added is what a check costs more than reading the project that it is about."""
    spent, bare, unchecked = list[float](), list[float](), list[float]()
    for _ in range(EACH):
        caller, (here, there) = random.choice(callers), random.sample(places, 2)
        bare.append(_taken(partial(_round_trip, house)))
        unchecked.append(_taken(partial(_unchecked, house, there)))
        spent.append(_taken(partial(_checked, house, caller, here, token and token(caller))))
    added = [one - other for one, other in zip(spent, unchecked, strict=True)]
    notes = {"p50": median(spent), "added p50": median(added), "added p99": percentile(added, 0.99)}
    notes |= {"a bare round trip p50": median(bare), "p99": percentile(bare, 0.99)}
    return Result(work, "ms", percentile(spent, 0.99), goal=1.0, more_is_better=False, notes=notes)


@contextmanager
def hearing(house: House) -> Iterator[None]:
    """Of sessions and tokens that end, as the API does: only then a token is not looked up each time."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(house.ended.listening()):
        while not house.ended.is_listening:
            time.sleep(0.01)
        yield


def _taken(once: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    once()
    return (time.perf_counter() - begin) * 1_000


def _round_trip(house: House) -> None:
    with house.core.store.datastore.get_connection() as connection:
        connection.execute("SELECT 1", prepare=True).fetchone()


def _unchecked(house: House, place: UUID) -> None:
    house.ledger_as(_PLATFORM).get(Project, place)


def _checked(house: House, caller: Caller, place: UUID, carried: str | None) -> None:
    """Whether this person may change this project, as the command that changes it asks.

    With an API token, from its text on.
    """
    caller = house.caller_of(carried) if carried else caller
    with suppress(Forbidden):
        May(Permission.CHANGE_PROJECT, Project).let(caller, house.ledger_as(caller), place)
