"""Finding the best among 10,000 runs: list, filter, sort, compare."""

import random
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from uuid_utils.compat import uuid7

from bench.frame import Bench, Result, percentile
from infra.migrate import migrate
from infra.provision import APP
from infra.reading import Reading, engine_for
from infra.tables import furnish, save
from projections import experiment
from projections.run import compared, find_runs, list_runs
from projections.run import runs as table
from tests.infra.test_runs import HERE, row

COUNT = 10_000
EACH = 200


def runs(bench: Bench) -> Iterator[Result]:
    databases = bench.servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    _fill(databases.app_url)
    reading = Reading(databases.app_url)
    for name, ask in QUESTIONS.items():
        spent = []
        for _ in range(EACH):
            begin = time.perf_counter()
            with reading.transaction() as tx:
                ask(tx)
            spent.append((time.perf_counter() - begin) * 1_000)
        work = f"{COUNT:,} runs: {name}, p99"
        yield Result(work, "ms", percentile(spent, 0.99), goal=25, more_is_better=False, notes={"p50": median(spent)})
    reading.close()
    bench.servers.drop(databases)


def _fill(url: str) -> None:
    chance = random.Random(5)
    engine = engine_for(url, pool_size=1)
    furnish(engine, [experiment.PROJECTION])
    made = {(UUID(int=n),): row(n, _parameters(chance), _metrics(chance)) for n in range(1, COUNT + 1)}
    with engine.begin() as tx:
        save(tx, table, made)
        tx.execute(text("ANALYZE read.experiment_runs"))
    engine.dispose()


def _parameters(chance: random.Random) -> dict[str, Any]:
    """As a trainer reports them: some that matter among many that do not."""
    own = {"lr0": 10 ** chance.uniform(-4, -1), "batch": chance.choice([8, 16, 32]), "seed": chance.randrange(99)}
    return {"optimizer": chance.choice(["SGD", "AdamW"]), **own, **{f"setting_{n}": n for n in range(30)}}


def _metrics(chance: random.Random) -> dict[str, float]:
    names = ("metrics/mAP50(B)", "metrics/mAP50-95(B)", "metrics/precision(B)", "metrics/recall(B)", "val/loss")
    return {name: chance.random() for name in names}


QUESTIONS: dict[str, Callable[[Connection], Any]] = {
    "the newest 50": lambda tx: list_runs(tx, HERE, HERE, viewer=None),
    "50 sorted by a metric": lambda tx: list_runs(tx, HERE, HERE, viewer=None, sort="-metrics.metrics/mAP50(B)"),
    "50 sorted, two conditions": lambda tx: list_runs(
        tx, HERE, HERE, viewer=None, where=["parameters.lr0<=0.01", "parameters.optimizer=SGD"], sort="metrics.val/loss"
    ),
    "20 compared": lambda tx: compared(
        find_runs(tx, HERE, HERE, [UUID(int=n * 400 + 1) for n in range(20)], viewer=None)
    ),
}
