"""One read model, live: rows and checkpoint move together, so neither a redelivery nor a second projector harms."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from domain.model import Recorded
from infra.reach import out_of_reach
from infra.reading import consumer
from infra.streams import EVENTS
from infra.tables import apply
from projections.model import Projection

log = logging.getLogger(__name__)

_BEGIN: Final = text(
    "INSERT INTO work.positions (consumer, stream, position) VALUES (:consumer, :stream, 0)"
    " ON CONFLICT (consumer) DO UPDATE SET stopped = NULL RETURNING position"
)
_READ: Final = text("SELECT position, stopped FROM work.positions WHERE consumer = :consumer")
_MOVE: Final = text(
    "UPDATE work.positions SET position = :to, moved_at = now()"
    " WHERE consumer = :consumer AND position = :of AND stopped IS NULL"
)
_PASS: Final = text(
    "UPDATE work.positions SET position = :to, moved_at = now()"
    " WHERE consumer = ANY(:consumers) AND position = :of AND stopped IS NULL"
).bindparams(bindparam("consumers", type_=ARRAY(Text)))
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
        self.stopped = f"position {position}: {error!r}"[:2_000].replace("\x00", "")
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
        last = due[-1].position
        with self.engine.begin() as tx:
            if tx.execute(_MOVE, {**self._key, "of": self.position, "to": last}).rowcount != 1:
                raise LostRace
            apply(tx, self.projection, due)
        self.position = last

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


def pass_by(live: Sequence[LiveProjection], events: Sequence[Recorded]) -> None:
    """Move those to whom these events say nothing in one go; a checkpoint that is elsewhere is left to `take`."""
    of, to = events[0].position - 1, events[-1].position
    idle = [each for each in live if each.position == of and all(e.topic in each.projection.skips for e in events)]
    if len(idle) < 2:
        return
    names = [consumer(each.projection.name) for each in idle]
    with idle[0].engine.begin() as tx:
        if tx.execute(_PASS, {"consumers": names, "of": of, "to": to}).rowcount != len(idle):
            return tx.rollback()
    for each in idle:
        each.position = to
