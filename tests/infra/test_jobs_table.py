"""What is asked for all the time is found without a look at every training there ever was."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, text

from consumers.reaper import RUNNING
from infra.migrate import migrate
from infra.provision import APP
from infra.reading import engine_for
from infra.rows import save
from infra.standing import QUEUE
from infra.tables import furnish
from projections import dataset, training_job
from projections.datasets import datasets
from projections.jobs import jobs
from projections.training_job import any_hidden
from tests.servers import Servers

ANN, BOB, NOW = UUID(int=1), UUID(int=2), datetime(2026, 1, 2, tzinfo=UTC)
OPEN, PRIVATE, UNSEEN = UUID(int=10), UUID(int=11), UUID(int=12)


def a_dataset(id: UUID, visibility: str) -> dict[str, Any]:
    return {
        column.name: {"id": id, "owner_id": ANN, "visibility": visibility}.get(column.name, _filler(column))
        for column in datasets.columns
    }


def a_job(n: int, dataset_id: UUID, status: str = "completed") -> dict[str, Any]:
    known = {"id": UUID(int=n), "dataset_id": dataset_id, "status": status, "recipe": {"framework": "timm"}}
    return {column.name: known.get(column.name, _filler(column)) for column in jobs.columns}


def _filler(column: Any) -> Any:
    if column.nullable:
        return None
    return {UUID: ANN, str: "", int: 1, bool: False, datetime: NOW}.get(column.type.python_type, {})


@pytest.fixture(scope="module")
def engine(servers: Servers) -> Iterator[Engine]:
    """Fifty that wait or run, among five thousand that are over."""
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, UUID(int=9))
    engine = engine_for(databases.app_url, pool_size=1)
    furnish(engine, [dataset.PROJECTION, training_job.PROJECTION])
    states = ["queued", "running", *["completed"] * 200]
    with engine.begin() as tx:
        save(tx, datasets, {(OPEN,): a_dataset(OPEN, "organization"), (PRIVATE,): a_dataset(PRIVATE, "private")})
        many = (a_job(n, OPEN, states[n % len(states)]) for n in range(100, 5_100))
        save(tx, jobs, {(row["id"],): row for row in many})
        tx.execute(text("ANALYZE read.training_jobs"))
    yield engine
    engine.dispose()
    servers.drop(databases)


@pytest.fixture
def tx(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as tx:
        yield tx


def test_who_waits_and_who_runs_is_found_among_all_that_are_over(tx: Connection) -> None:
    for query in (RUNNING, QUEUE):
        plan = "\n".join(tx.exec_driver_sql(f"EXPLAIN {query}").scalars())
        assert "training_jobs_unfinished" in plan, plan


def test_whether_anything_is_hidden_is_known_from_the_datasets(tx: Connection) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(tx, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    assert not any_hidden(tx, BOB)
    (query, parameters) = asked[0]
    plan = "\n".join(tx.exec_driver_sql(f"EXPLAIN {query}", parameters).scalars())
    assert "training_jobs_by_dataset" in plan, plan
    assert "Seq Scan on training_jobs" not in plan, plan


@pytest.mark.parametrize(("made_from", "hidden_from_bob", "hidden_from_ann"), [
    (OPEN, False, False), (PRIVATE, True, False), (UNSEEN, True, True),
])  # fmt: skip
def test_a_training_is_hidden_as_its_dataset_is(
    tx: Connection, made_from: UUID, hidden_from_bob: bool, hidden_from_ann: bool
) -> None:
    save(tx, jobs, {(UUID(int=7),): a_job(7, made_from)})
    assert (any_hidden(tx, BOB), any_hidden(tx, ANN)) == (hidden_from_bob, hidden_from_ann)
    assert not any_hidden(tx, None)
