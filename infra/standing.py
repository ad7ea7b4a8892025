"""How far each consumer is behind the ledger, what waits and what is set aside: read when somebody scrapes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import psycopg
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.registry import Collector
from psycopg.rows import class_row

from infra.streams import EVENTS

CONNECT_SECONDS: Final = 2
_STANDING: Final = """
    SELECT p.consumer, p.stream, p.position, p.stopped, h.position AS head,
        coalesce(extract(epoch FROM clock_timestamp() - e.recorded_at), 0)::float8 AS seconds
    FROM work.positions p CROSS JOIN ledger.head h
    LEFT JOIN ledger.events e ON p.stream = %s AND e.notification_id = p.position + 1
    ORDER BY p.consumer
"""
_PARKED: Final = "SELECT consumer, count(*) FROM work.parked GROUP BY consumer"
QUEUE: Final = """
    SELECT recipe ->> 'framework', count(*), extract(epoch FROM clock_timestamp() - min(requested_at))::float8
    FROM read.training_jobs WHERE status = 'queued' GROUP BY 1
"""


class Standing(NamedTuple):
    """Of one consumer; `seconds` is how long the first event that it has not handled is recorded already."""

    consumer: str
    stream: str
    position: int
    stopped: str | None
    head: int
    seconds: float

    @property
    def follows_ledger(self) -> bool:
        return self.stream == EVENTS

    @property
    def lag(self) -> int:
        return max(0, self.head - self.position)


class Behind(NamedTuple):
    """How much of another stream than EVENTS is still to be read, and how long the first of it waits."""

    positions: int
    seconds: float


def standings(connection: psycopg.Connection) -> list[Standing]:
    with connection.cursor(row_factory=class_row(Standing)) as cursor:
        return cursor.execute(_STANDING, [EVENTS]).fetchall()


def parked(connection: psycopg.Connection) -> dict[str, int]:
    """How much each consumer set aside."""
    return {consumer: count for consumer, count in connection.execute(_PARKED)}


def queues(connection: psycopg.Connection) -> dict[str, tuple[int, float]]:
    """Per framework: how many trainings wait, and how long the oldest does."""
    return {framework: (count, seconds) for framework, count, seconds in connection.execute(QUEUE)}


@dataclass(frozen=True)
class Standings(Collector):
    """Those of the consumers that are `mine`; with `whole`, also what waits and what is set aside."""

    url: str
    mine: Callable[[str], bool]
    whole: bool = False
    behind: Callable[[str, int], Behind | None] = lambda stream, position: None

    def describe(self) -> Iterator[Gauge]:
        """Nothing that would have to be asked for."""
        return iter(())

    def collect(self) -> Iterator[Gauge]:
        up = Gauge("vistory_database_up", "Whether this process could read the ledger just now.")
        try:
            with psycopg.connect(self.url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
                found = list(self._consumers(connection)) + (list(work(connection)) if self.whole else [])
        except psycopg.Error:
            found = []
        up.add_metric([], 1.0 if found else 0.0)
        yield from (up, *found)

    def _consumers(self, connection: psycopg.Connection) -> Iterator[Gauge]:
        lag = Gauge("vistory_consumer_lag_positions", "Events that a consumer has not handled.", labels=["consumer"])
        seconds = Gauge("vistory_consumer_lag_seconds", "Age of the first of them.", labels=["consumer"])
        stopped = Gauge("vistory_consumer_stopped", "1 where a consumer has stopped.", labels=["consumer"])
        for each in standings(connection):
            if self.mine(each.consumer):
                if late := self._behind(each):
                    lag.add_metric([each.consumer], late.positions)
                    seconds.add_metric([each.consumer], late.seconds)
                stopped.add_metric([each.consumer], float(each.stopped is not None))
        yield from (lag, seconds, stopped)

    def _behind(self, each: Standing) -> Behind | None:
        return Behind(each.lag, each.seconds) if each.follows_ledger else self.behind(each.stream, each.position)


def work(connection: psycopg.Connection) -> Iterator[Gauge]:
    aside = Gauge("vistory_parked_messages", "Messages that are set aside.", labels=["consumer"])
    waiting = Gauge("vistory_trainings_waiting", "Trainings that no worker has claimed.", labels=["framework"])
    age = Gauge("vistory_training_queue_age_seconds", "How long the oldest of them waits.", labels=["framework"])
    for consumer, count in parked(connection).items():
        aside.add_metric([consumer], count)
    for framework, (count, seconds) in queues(connection).items():
        waiting.add_metric([framework], count)
        age.add_metric([framework], seconds)
    yield from (aside, waiting, age)
