"""One read model, live: rows and checkpoint move together, so neither a redelivery nor a second projector harms."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine, text

from domain.model import Recorded
from infra.reach import out_of_reach
from infra.reading import consumer
from infra.redaction import in_short
from infra.rows import apply, driver
from infra.streams import EVENTS
from projections.model import Projection

log = logging.getLogger(__name__)

_BEGIN: Final = text(
    "INSERT INTO work.positions (consumer, stream, position) VALUES (:consumer, :stream, 0)"
    " ON CONFLICT (consumer) DO UPDATE SET stopped = NULL RETURNING position"
)
_READ: Final = text("SELECT position, stopped FROM work.positions WHERE consumer = :consumer")
# In one order always, so that two who want the same checkpoints never lock each other out.
_MOVE: Final = (
    "WITH here AS (SELECT consumer FROM work.positions"
    " WHERE consumer = ANY(%s) AND position = %s AND stopped IS NULL ORDER BY consumer FOR UPDATE)"
    " UPDATE work.positions AS p SET position = %s, moved_at = now() FROM here WHERE p.consumer = here.consumer"
)
_STOP: Final = text(
    "INSERT INTO work.positions (consumer, stream, position, stopped) VALUES (:consumer, :stream, 0, :reason)"
    " ON CONFLICT (consumer) DO UPDATE SET stopped = :reason, moved_at = now()"
)
Fetch = Callable[[int, int], Sequence[Recorded]]
"""The events after one position up to another, from the store."""


class LostRace(Exception):
    """Somebody else moved the checkpoint: another projector, or a rebuild."""


@dataclass
class LiveProjection:
    projection: Projection
    engine: Engine
    fetch: Fetch
    position: int = field(default=0, init=False)
    stopped: str | None = field(default=None, init=False)
    lost_races: int = field(default=0, init=False)

    def begin(self) -> None:
        """Go on from the checkpoint; whatever it was stopped by is tried again."""
        with self.engine.begin() as tx:
            self.position = tx.execute(_BEGIN, {**self._key, "stream": EVENTS}).scalar_one()
        self.stopped = None

    def take(self, events: Sequence[Recorded]) -> None:
        """Move past these events, which follow each other. Raises only where a database is out of reach."""
        while self.stopped is None and (due := self._due(events)):
            error = self._trouble(due)
            if isinstance(error, LostRace):
                self.lost_races += 1
                self.reread()
            elif error is not None:
                self._isolate(due)

    def catch_up(self, upto: int) -> None:
        while self.stopped is None and self.position < upto:
            self.take(self._fetched(upto))

    def stop(self, position: int, error: Exception) -> None:
        self.stopped = f"position {position}: {in_short(error)}"
        log.error("%s stopped at %s", self._key["consumer"], self.stopped)
        with self.engine.begin() as tx:
            tx.execute(_STOP, {**self._key, "stream": EVENTS, "reason": self.stopped})

    @property
    def _key(self) -> dict[str, str]:
        return {"consumer": consumer(self.projection.name)}

    def _due(self, events: Sequence[Recorded]) -> Sequence[Recorded]:
        """What is still to be done, and before it what this projection alone has missed."""
        due = [recorded for recorded in events if recorded.position > self.position]
        if due and due[0].position > self.position + 1:
            return self._fetched(due[0].position - 1)
        return due

    def _fetched(self, upto: int) -> Sequence[Recorded]:
        try:
            return self.fetch(self.position, upto)
        except Exception as error:
            if out_of_reach(error):
                raise
            self.stop(self.position + 1, error)
            return ()

    def _commit(self, due: Sequence[Recorded]) -> None:
        _move([self], self.position, due)
        self.position = due[-1].position

    def _trouble(self, due: Sequence[Recorded]) -> Exception | None:
        try:
            self._commit(due)
        except Exception as error:
            if out_of_reach(error):
                raise
            return error
        return None

    def _isolate(self, due: Sequence[Recorded]) -> None:
        """Halve the batch until the event that cannot be folded stands alone; what comes before it is applied."""
        while len(due) > 1:
            half = due[: len(due) // 2]
            due = half if self._trouble(half) else due[len(half) :]
        if (error := self._trouble(due)) and not isinstance(error, LostRace):
            self.stop(due[0].position, error)

    def reread(self) -> None:
        """What others made of the checkpoint; a rebuild clears what it was stopped by."""
        with self.engine.begin() as tx:
            self.position, self.stopped = tx.execute(_READ, self._key).one()


def together(live: Sequence[LiveProjection], events: Sequence[Recorded]) -> None:
    """Take these events past all that stand right before them at once. What keeps one of them is left to `take`."""
    before = events[0].position - 1
    ready = [each for each in live if each.position == before]
    if len(ready) < 2:
        return
    try:
        _move(ready, before, events)
    except Exception as error:
        if out_of_reach(error):
            raise
        return
    for each in ready:
        each.position = events[-1].position


def _move(live: Sequence[LiveProjection], of: int, events: Sequence[Recorded]) -> None:
    """Rows and checkpoints in one transaction. Raises LostRace where one of them is not where it was."""
    names = [consumer(each.projection.name) for each in live]
    with live[0].engine.begin() as tx:
        connection = driver(tx)
        moved = connection.cursor()
        with connection.pipeline():
            moved.execute(_MOVE, (names, of, events[-1].position), prepare=True)
        if moved.rowcount != len(live):
            raise LostRace
        apply(tx, [each.projection for each in live], events)
