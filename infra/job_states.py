"""What became of a training job, state by state, from the ledger itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg_pool import ConnectionPool

from domain.training import OVER, EndReason, Status
from domain.training_job import TrainingJob
from infra.mapper import Mapper, Stored

STATUS: Final = {
    TrainingJob.Requested.TOPIC: Status.QUEUED,
    TrainingJob.Claimed.TOPIC: Status.CLAIMED,
    TrainingJob.Started.TOPIC: Status.RUNNING,
    TrainingJob.Requeued.TOPIC: Status.QUEUED,
    TrainingJob.Completed.TOPIC: Status.COMPLETED,
    TrainingJob.Failed.TOPIC: Status.FAILED,
    TrainingJob.Cancelled.TOPIC: Status.CANCELLED,
}

CANCEL: Final = TrainingJob.CancelRequested.TOPIC
_STANDING: Final = """
    SELECT coalesce(max((convert_from(state, 'UTF8')::jsonb #>> '{data,attempt}')::bigint)
                        FILTER (WHERE topic = 'training_job.requeued'), 1),
           coalesce(bool_or(topic = 'training_job.cancel_requested'), false), coalesce(bool_or(topic = ANY(%s)), false)
    FROM ledger.events WHERE originator_id = %s AND topic = ANY(%s)
"""


@dataclass(frozen=True)
class State:
    """`version` is the event's number within the job."""

    version: int
    status: Status
    fields: dict[str, Any]

    @property
    def is_end(self) -> bool:
        return self.status in OVER

    @property
    def is_of_a_lost_worker(self) -> bool:
        return EndReason.WORKER_LOST in (self.fields.get("reason"), (self.fields.get("evidence") or {}).get("reason"))


class Standing(NamedTuple):
    attempt: int
    cancelling: bool
    over: bool


@dataclass(frozen=True)
class JobStates:
    pool: ConnectionPool
    mapper: Mapper

    def standing(self, job_id: UUID) -> Standing:
        """How a job stands, without all that it reported: workers ask this all the time."""
        over = [topic for topic, status in STATUS.items() if status in OVER]
        with self.pool.connection() as connection:
            row = connection.execute(_STANDING, (over, job_id, [*STATUS, CANCEL])).fetchone()
        assert row is not None, "an aggregate is one row"
        return Standing(*row)

    def after(self, job_id: UUID, version: int) -> Iterator[State]:
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT originator_id, originator_version, topic, state, recorded_at, notification_id"
                " FROM ledger.events"
                " WHERE originator_id = %s AND originator_version > %s AND topic = ANY(%s) ORDER BY originator_version",
                (job_id, version, list(STATUS)),
            ).fetchall()
        for id, number, topic, state, recorded_at, position in rows:
            event, _ = self.mapper.decode(Stored(id, number, topic, state))
            told = event.model_dump(mode="json", include={"attempt", "worker", "device", "evidence", "reason"})
            at = {"at": recorded_at.isoformat(), "position": f"{self.mapper.ledger}:{position}"}
            fields = {"attempt": 1, **told, **at}
            yield State(number, STATUS[topic], fields)
