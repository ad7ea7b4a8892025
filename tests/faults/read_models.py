"""What read models show of some things, beside what their events alone say: by no fold of the platform's."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, LiteralString

import psycopg

from tests.faults.checking import SHOWN, Ledger, Stored

STATUS_BY: Final[Mapping[str, str]] = {
    "training_job.requested": "queued",
    "training_job.claimed": "claimed",
    "training_job.started": "running",
    "training_job.requeued": "queued",
    "training_job.completed": "completed",
    "training_job.failed": "failed",
    "training_job.cancelled": "cancelled",
}
# Whoever asked to come in, or has left, has none.
ROLES_BY: Final = ("membership.requested", "membership.approved", "membership.role_changed", "membership.ended")
Rows = Mapping[Any, Any]


def statuses(ledger: Ledger) -> Rows:
    """Of each training, by the last event that says one."""
    return {event.originator: STATUS_BY[event.topic] for event in ledger.events if event.topic in STATUS_BY}


def roles(ledger: Ledger) -> Rows:
    """Of each membership."""
    return {event.originator: role(event) for event in ledger.events if event.topic in ROLES_BY}


def role(event: Stored) -> str | None:
    return event.data["role"] if event.topic in ("membership.approved", "membership.role_changed") else None


def entries(ledger: Ledger) -> Rows:
    """One for each event, about what it is of."""
    return {event.position: f"{event.topic} {event.originator}" for event in ledger.events}


TABLES: Final[Mapping[LiteralString, Any]] = {
    "SELECT id::text, status FROM read.training_jobs": statuses,
    "SELECT job_id::text, status FROM read.experiment_runs": statuses,
    "SELECT id::text, role FROM read.members": roles,
    "SELECT position, topic || ' ' || entity_id FROM read.audit_entries": entries,
}


def faults(url: str, ledger: Ledger) -> Iterator[str]:
    with psycopg.connect(url) as connection:
        for query, wanted in TABLES.items():
            yield from compared(query, dict(connection.execute(query).fetchall()), wanted(ledger))


def compared(query: str, shown: Rows, wanted: Rows) -> Iterator[str]:
    """Row by row: one that is missing, one too many, or another."""
    table = query.rpartition(" ")[2]
    for key in [key for key in wanted if key not in shown or shown[key] != wanted[key]][:SHOWN]:
        yield f"{table}: {key} shows {shown.get(key, 'nothing')}, its events say {wanted[key]}"
    if others := [key for key in shown if key not in wanted]:
        yield f"{table}: of {others[:SHOWN]} no event says anything"
