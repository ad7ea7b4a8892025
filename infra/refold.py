"""The whole ledger folded anew into tables that nobody reads yet: aggregate by aggregate, by a process per core."""

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from typing import Final
from uuid import UUID

from domain import EVENTS
from domain.model import Recorded
from infra.config import Settings
from infra.copying import copy_in
from infra.cores import cores
from infra.mapper import Stored
from infra.redaction import in_short
from infra.wiring import Core
from projections import PROJECTIONS
from projections.folding import step
from projections.model import Key, Row, View

PIECE: Final = 5_000
"""How many events are folded at once, more or less; an aggregate is never divided."""
WORTH_A_PROCESS: Final = 4
"""Pieces; with fewer of them a helper would come when all is done."""
_AT_ONCE: Final = 2_000
# All events of an aggregate have one rank, so a piece begins with the first of one.
_PIECES: Final = (
    "SELECT DISTINCT ON (piece) originator_id FROM"
    " (SELECT originator_id, (rank() OVER (ORDER BY originator_id) - 1) / %s AS piece FROM ledger.events) AS events"
    " ORDER BY piece, originator_id"
)
_EVENTS: Final = (
    "SELECT notification_id, recorded_at, originator_id, originator_version, topic, state FROM ledger.events"
    " WHERE notification_id <= %(upto)s AND originator_id >= %(begin)s {until}"
    " ORDER BY originator_id, originator_version"
)
Views = Mapping[str, Sequence[tuple[str, View]]]
_core: Core
_taken: "Synchronized[int]"


class CannotFold(RuntimeError):
    """An event that a projection cannot take; the live tables are as they were."""

    exit_code = 70  # EX_SOFTWARE


@dataclass(frozen=True)
class Refold:
    """Which read models, in which schema, from the events up to which position, in which pieces."""

    schema: str
    names: tuple[str, ...]
    upto: int
    pieces: tuple[tuple[UUID, UUID | None], ...]


def refold(core: Core, schema: str, names: Sequence[str], upto: int) -> int:
    """Fill the tables; returns how many rows were made. Raises CannotFold.

    No row is ever made from events of two aggregates (a key in two pieces would be refused by the table).
    """
    work = Refold(schema, tuple(names), upto, _pieces(core))
    taken = get_context("spawn").Value("q", 0)
    helpers = min(cores(), len(work.pieces) // WORTH_A_PROCESS) - 1
    if helpers < 1:
        return _share(core, work, taken)
    with ProcessPoolExecutor(helpers, get_context("spawn"), _begin, (core.settings, taken)) as processes:
        helped = [processes.submit(_help, work) for _ in range(helpers)]
        return _share(core, work, taken) + sum(each.result() for each in helped)


def _begin(settings: Settings, taken: "Synchronized[int]") -> None:
    """What is there by now stays, so a collector of garbage need not look at it again."""
    global _core, _taken
    _core, _taken = Core.open(settings), taken
    gc.freeze()


def _help(work: Refold) -> int:
    return _share(_core, work, _taken)


def _share(core: Core, work: Refold, taken: "Synchronized[int]") -> int:
    """Whoever has time takes the next piece, until there is none."""
    rows, views = 0, _views(work.names)
    try:
        while (number := _next(taken)) < len(work.pieces):
            rows += _fold(core, work, views, *work.pieces[number])
    except BaseException:
        taken.value = len(work.pieces)
        raise
    return rows


def _next(taken: "Synchronized[int]") -> int:
    with taken.get_lock():
        taken.value += 1
        return taken.value - 1


def _fold(core: Core, work: Refold, views: Views, begin: UUID, end: UUID | None) -> int:
    drafts: dict[str, dict[Key, Row | None]] = {}
    for recorded in _events(core, work.upto, begin, end):
        for name, view in views[recorded.topic]:
            try:
                step(view, drafts.setdefault(view.table.name, {}), recorded)
            except Exception as error:
                raise CannotFold(f"{name} at position {recorded.position}: {in_short(error)}") from error
    tables = {view.table.name: view.table for each in views.values() for _, view in each}
    rows = {name: [row for row in draft.values() if row is not None] for name, draft in drafts.items()}
    with core.pool.connection() as connection, connection.transaction():
        for name, kept in rows.items():
            copy_in(connection, tables[name], work.schema, kept)
    return sum(map(len, rows.values()))


def _views(names: Collection[str]) -> Views:
    """Per topic, the views to which it may say something, and whose they are."""
    wanted = [each for each in PROJECTIONS if each.name in names]
    return {
        topic: [(each.name, view) for each in wanted for view in each.views if view.concerns(topic)] for topic in EVENTS
    }


def _pieces(core: Core) -> tuple[tuple[UUID, UUID | None], ...]:
    """From the first aggregate of each up to the first of the next."""
    with core.pool.connection() as connection:
        begins = [id for (id,) in connection.execute(_PIECES, (PIECE,))]
    return tuple(zip(begins, [*begins[1:], None], strict=True))


def _events(core: Core, upto: int, begin: UUID, end: UUID | None) -> Iterator[Recorded]:
    """An aggregate after the other, each in its order, through a cursor on the server."""
    query = _EVENTS.format(until="" if end is None else "AND originator_id < %(end)s")
    with (
        core.pool.connection() as connection,
        connection.transaction(),
        connection.cursor(name="refold") as cursor,
    ):
        cursor.itersize = _AT_ONCE
        for position, recorded_at, *stored in cursor.execute(
            query, {"upto": upto, "begin": begin, "end": end}, binary=True
        ):
            yield core.mapper.recorded(Stored(*stored), position, recorded_at)
