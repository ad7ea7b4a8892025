"""A row that says anything else than the events of its thing is found, and what was set aside or left out as well."""

from collections.abc import Callable, Sequence
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from tests.faults.checking import parked_faults
from tests.faults.invented import Told, ledger
from tests.faults.points import archived
from tests.faults.read_models import faults
from tests.servers import Databases

JOB, ENDED, ANN, BEN = (str(UUID(int=n)) for n in range(1, 5))
EVENTS: Sequence[Told] = [
    ("membership.requested", ANN, {}),
    ("membership.approved", ANN, {"role": "guest"}),
    ("membership.role_changed", ANN, {"role": "engineer_i"}),
    ("membership.requested", BEN, {}),
    ("training_job.requested", JOB, {}),
    ("training_job.claimed", JOB, {}),
    ("training_job.started", JOB, {}),
    ("training_job.lost", JOB, {}),
    ("training_job.requested", ENDED, {}),
    ("training_job.completed", ENDED, {}),
]
TABLES = """
    CREATE SCHEMA IF NOT EXISTS read;
    CREATE TABLE read.training_jobs (id uuid, status text);
    CREATE TABLE read.experiment_runs (job_id uuid, status text);
    CREATE TABLE read.members (id uuid, role text);
    CREATE TABLE read.audit_entries (position bigint, topic text, entity_id uuid);
"""


@pytest.fixture
def url(fresh_database: Callable[[], Databases]) -> str:
    """With rows as the events say."""
    made = fresh_database().owner_url
    with psycopg.connect(made) as connection:
        connection.execute(TABLES)
        for of, status in ((JOB, "running"), (ENDED, "completed")):
            connection.execute("INSERT INTO read.training_jobs VALUES (%s, %s)", (of, status))
            connection.execute("INSERT INTO read.experiment_runs VALUES (%s, %s)", (of, status))
        for who, role in ((ANN, "engineer_i"), (BEN, None)):
            connection.execute("INSERT INTO read.members VALUES (%s, %s)", (who, role))
        for position, (topic, of, _) in enumerate(EVENTS, 1):
            connection.execute("INSERT INTO read.audit_entries VALUES (%s, %s, %s)", (position, topic, of))
    return made


def changed(url: str, statement: LiteralString, *values: Any) -> None:
    with psycopg.connect(url) as connection:
        assert connection.execute(statement, values).rowcount == 1


def test_rows_that_say_what_happened_are_let_pass(url: str) -> None:
    assert [*faults(url, ledger(EVENTS)), *parked_faults(url)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE read.training_jobs SET status = 'queued' WHERE status = 'running'",
        "UPDATE read.experiment_runs SET status = 'running' WHERE status = 'completed'",
        "DELETE FROM read.experiment_runs WHERE status = 'completed'",
        "UPDATE read.members SET role = 'guest' WHERE role = 'engineer_i'",
        "UPDATE read.members SET role = 'guest' WHERE role IS NULL",
        "DELETE FROM read.members WHERE role IS NULL",
        "INSERT INTO read.members VALUES (gen_random_uuid(), NULL)",
        "DELETE FROM read.audit_entries WHERE position = 10",
        "UPDATE read.audit_entries SET topic = 'training_job.failed' WHERE position = 10",
        "INSERT INTO read.audit_entries VALUES (11, 'membership.ended', gen_random_uuid())",
    ],
)
def test_a_row_that_says_anything_else_is_found(url: str, statement: LiteralString) -> None:
    changed(url, statement)
    assert len([*faults(url, ledger(EVENTS))]) == 1


def test_what_was_set_aside_is_found(url: str) -> None:
    named = "INSERT INTO work.parked (id, consumer, position, subject, reason, attempts, digest)"
    changed(url, f"{named} VALUES (gen_random_uuid(), 'write-on-invitation', 7, 's', 'refused', 1, '')")
    assert [*parked_faults(url)] == ["parked: write-on-invitation at 7: refused"]


def test_how_far_the_archive_reaches_is_read_by_attempt(url: str) -> None:
    for first, last, attempt in ((3, 4, 1), (1, 2, 1), (1, 1, 2)):
        named = "INSERT INTO work.archive (job_id, attempt, first, last, organization_id, sha256)"
        changed(url, f"{named} VALUES (%s, %s, %s, %s, %s, %s)", JOB, attempt, first, last, ANN, "0" * 64)
    assert archived(url, JOB) == {1: [(1, 2), (3, 4)], 2: [(1, 1)]}
