"""The eventsourcing library's own way to make rows of a history: its ProjectionRunner, a transaction for each event.

Of each event it keeps what is written by hand beside it: a row of a log, and the newest state of the aggregate.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed
from psycopg.types.json import Jsonb

EVENTS_EACH = 18
WITHIN = 3_600.0
TABLES = (
    "CREATE TABLE kept_log (position bigint PRIMARY KEY, entity uuid, version bigint, data jsonb)",
    "CREATE INDEX ON kept_log (entity, position)",
    "CREATE TABLE kept_things (id uuid PRIMARY KEY, version bigint, data jsonb)",
)
_LOG = SQL("INSERT INTO kept_log VALUES (%s, %s, %s, %s)")
_NEWEST = SQL(
    "INSERT INTO kept_things VALUES (%s, %s, %s)"
    " ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data"
)


class Training(Aggregate):
    def __init__(self) -> None:
        self.told = ""

    @event("Told")
    def tell(self, told: str) -> None:
        self.told = told


class Trainings(Application[UUID]):
    pass


class Kept(PostgresTrackingRecorder):
    def __init__(self, datastore: PostgresDatastore, **named: Any) -> None:
        super().__init__(datastore, **named)
        self.sql_create_statements += [Composed([SQL(each)]) for each in TABLES]

    def keep(self, told: Any, tracking: Tracking) -> None:
        data = Jsonb({"told": getattr(told, "told", "")})
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(_LOG, (tracking.notification_id, told.originator_id, told.originator_version, data))
            cursor.execute(_NEWEST, (told.originator_id, told.originator_version, data))


class Rows(Projection[Kept]):
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.keep(domain_event, tracking)


@contextmanager
def events_of(url: str, events: int, text: str) -> Iterator[dict[str, str]]:
    """The environment of an application that has about so many events, each with this text."""
    parts = conninfo_to_dict(url)
    environment = {"PERSISTENCE_MODULE": "eventsourcing.postgres"} | {
        f"POSTGRES_{name.upper()}": str(parts[name]) for name in ("dbname", "host", "port", "user", "password")
    }
    with Trainings(environment) as made:
        for _ in range(events // EVENTS_EACH):
            training = Training()
            for _ in range(EVENTS_EACH - 1):
                training.tell(text)
            made.save(training)
    yield environment


def projected(environment: dict[str, str]) -> tuple[int, float]:
    """How many events, and how many a second; once, as a view that has seen them has nothing to do again."""
    with ProjectionRunner(
        application_class=Trainings, projection_class=Rows, view_class=Kept, env=environment
    ) as runner:
        start = perf_counter()
        last = runner.app.recorder.max_notification_id()
        assert last
        runner.wait(last, WITHIN)
        return last, last / (perf_counter() - start)
