"""What one page of a long audit log costs: about what it shows, however much lies between its bounds."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from projections.audit import AuditRow, list_entries
from tests.furnished import furnished, reading
from tests.servers import Databases, Servers

HERE, RARE, BEGUN, ENTRIES = UUID(int=1), UUID(int=2), datetime(2026, 1, 2, tzinfo=UTC), 20_000
# One training after another, of eighteen events each; a second passes from one event to the next.
_FILL = """
    INSERT INTO read.audit_entries
    SELECT n, :here, NULL, 'training_job.' || action, action, 'training_job', md5((n / 18)::text)::uuid, NULL, NULL,
        CASE action WHEN 'request' THEN 'person' WHEN 'link' THEN 'system' ELSE 'worker' END,
        CASE action WHEN 'request' THEN :here ELSE gen_random_uuid() END,
        NULL, NULL, NULL, NULL, '{}', action = 'report', :here, :here, at, at
    FROM generate_series(1, :entries) AS n,
        LATERAL (SELECT CASE n % 18 WHEN 0 THEN 'request' WHEN 1 THEN 'claim' WHEN 2 THEN 'start' WHEN 3 THEN 'link'
            WHEN 17 THEN 'complete' ELSE 'report' END AS action, :begun + n * interval '1 second' AS at)
"""
_NAMES = """
    INSERT INTO read.audit_entities
    SELECT md5(n::text)::uuid, 'resnet18', NULL, CASE n % 100 WHEN 7 THEN :rare ELSE :here END, n
    FROM generate_series(0, :entries / 18) AS n
"""
_READ = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_all_tables WHERE relname = 'audit_entries'"


def fill(tx: Connection) -> None:
    for rows in (_FILL, _NAMES):
        tx.execute(text(rows), {"here": HERE, "rare": RARE, "begun": BEGUN, "entries": ENTRIES})
    tx.execute(text("ANALYZE"))


@pytest.fixture(scope="module")
def database(servers: Servers) -> Iterator[Databases]:
    with furnished(servers, fill) as databases:
        yield databases


@pytest.fixture
def tx(database: Databases) -> Iterator[Connection]:
    with reading(database) as found:
        yield found


def page(tx: Connection, **wanted: Any) -> tuple[list[AuditRow], int]:
    """What it shows, and how many entries were read for it."""
    before = tx.execute(text(_READ)).scalar_one()
    found = list_entries(tx, HERE, viewer=None, **wanted).items
    return found, tx.execute(text(_READ)).scalar_one() - before


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param({}, id="nothing asked"),
        pytest.param({"action": "complete"}, id="an action"),
        pytest.param({"entity_type": "training_job"}, id="a type"),
        pytest.param({"project_id": HERE}, id="a project of many things"),
    ],
)
@pytest.mark.parametrize("after", [None, ENTRIES - 100])
def test_a_page_of_what_came_since_reads_what_it_shows(tx: Connection, wanted: dict[str, Any], after: int) -> None:
    start = BEGUN + timedelta(seconds=ENTRIES // 10)
    for _ in range(8):  # a statement that is asked again and again gets a plan for any bounds
        found, read = page(tx, start=start, after=after, **wanted)
        assert len(found) == 50
        assert read <= 18 * 51


def test_a_project_of_few_things_is_found_by_them(tx: Connection) -> None:
    found, read = page(tx, project_id=RARE, noisy=True, limit=1_000)
    things = {UUID(md5(str(n).encode()).hexdigest()) for n in range(7, ENTRIES // 18, 100)}
    assert {entry.entity_id for entry in found} == things
    assert len(found) == 18 * len(things)
    assert read < 2 * len(found)
    nothing, read = page(tx, project_id=UUID(int=3))
    assert nothing == []
    assert read < 50


def test_nothing_lies_before_the_first_entry_or_after_the_last(tx: Connection) -> None:
    assert page(tx, end=BEGUN)[0] == page(tx, start=BEGUN + timedelta(days=30))[0] == []
