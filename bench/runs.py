"""Finding the best among 10,000 runs: list, filter, sort, compare; the same order over HTTP, beside MLflow's."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import Any, Final
from uuid import UUID

import httpx
from sqlalchemy import Connection, text
from uuid_utils.compat import uuid7

from bench.frame import Bench, Result, growth, percentile
from bench.served import serving
from infra.migrate import migrate
from infra.provision import APP
from infra.reading import Reading, engine_for
from infra.rows import save
from infra.tables import furnish
from projections import experiment, project
from projections.run import compared, find_runs, list_runs
from projections.run import runs as table
from tests.infra.test_runs import EXPERIMENT, HERE, row
from tests.servers import Servers

COUNT = 10_000
OF_PEER = 25
HANDS: Final = 4
SHOWN: Final = 50
SORTED = f"{SHOWN} sorted by a metric"
BEST: Final = "metrics.metrics/mAP50(B)"
# Of a twentieth: it makes no more than some forty runs a second.
FEW = COUNT // 20
SAME = "MLflow's search_runs, of the same runs"
FEWER = f"MLflow's search_runs, of {FEW:,} runs"


def runs(bench: Bench) -> Iterator[Result]:
    middle: dict[str, list[tuple[int, float]]] = {}
    for count in (1_000, COUNT, 100_000) if bench.long else (COUNT,):
        for name, spent in _asked(bench.servers, count, bench.size(100, 200)).items():
            middle.setdefault(name, []).append((count, median(spent)))
            most = 25 if count == COUNT else None
            notes = {"p50": median(spent)}
            work = f"{count:,} runs: {name}, p99"
            yield Result(work, "ms", percentile(spent, 0.99), goal=most, more_is_better=False, notes=notes)
    for name, cost in middle.items():
        yield from growth(f"{name}, p50", "runs", cost)
    theirs = median(_of_mlflow(bench.mlflow_port))
    for count, peer in ((FEW, SAME), (COUNT, FEWER)):
        goal = 5.0 if peer is SAME else None
        ours = median(_of_ours(bench.servers, count))
        yield Result(f"{count:,} runs: {SORTED}, over HTTP", "/s", 1_000 / ours, 1_000 / theirs, peer, goal)


def _asked(servers: Servers, count: int, times: int) -> dict[str, list[float]]:
    """Milliseconds of every answer, question by question, of so many runs of one experiment."""
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    _fill(databases.app_url, count)
    reading = Reading(databases.app_url)

    def once(ask: Callable[[Connection], Any]) -> None:
        with reading.transaction() as tx:
            ask(tx)

    spent = {name: [_milliseconds(partial(once, ask)) for _ in range(times)] for name, ask in QUESTIONS.items()}
    reading.close()
    servers.drop(databases)
    return spent


def _milliseconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1_000


def _of_ours(servers: Servers, count: int) -> list[float]:
    """Milliseconds of our answer over HTTP, while nobody else asks."""
    id, query = uuid7(), {"sort": f"-{BEST}"}
    with serving(servers) as served:
        organization = UUID(served.admin.get("/auth/me")["organization_id"])
        _fill(served.databases.app_url, count, organization, id)
        headers = {"Authorization": f"Bearer {served.token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", headers=headers, trust_env=False) as api:

            def found() -> Any:
                return api.get(f"/api/v1/experiments/{id}/runs", params=query).raise_for_status().json()

            assert len(found()["items"]) == SHOWN
            return [_milliseconds(found) for _ in range(OF_PEER)]


def _of_mlflow(port: int) -> list[float]:
    """Milliseconds of its answer over HTTP, while nobody else asks; of runs with as many parameters and metrics."""
    chance = random.Random(5)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as api:

        def said(what: str, body: Any) -> Any:
            return api.post(f"/api/2.0/mlflow/{what}", json=body).raise_for_status().json()

        def noted(_: int) -> None:
            now = int(time.time() * 1_000)
            run = said("runs/create", {"experiment_id": experiment, "start_time": now})["run"]["info"]["run_id"]
            metrics = [
                {"key": k.removesuffix("(B)"), "value": v, "timestamp": now, "step": 1}  # MLflow takes no parentheses
                for k, v in _metrics(chance).items()
            ]
            parameters = [{"key": k, "value": str(v)} for k, v in _parameters(chance).items()]
            said("runs/log-batch", {"run_id": run, "metrics": metrics, "params": parameters})

        experiment: str = said("experiments/create", {"name": f"bench {uuid7()}"})["experiment_id"]
        with ThreadPoolExecutor(HANDS) as pool:
            list(pool.map(noted, range(FEW)))
        order = ["metrics.`metrics/mAP50` DESC"]
        query = {"experiment_ids": [experiment], "max_results": SHOWN, "order_by": order}
        assert len(said("runs/search", query)["runs"]) == SHOWN
        return [_milliseconds(lambda: said("runs/search", query)) for _ in range(OF_PEER)]


def _fill(url: str, count: int, organization_id: UUID = HERE, id: UUID = HERE) -> None:
    """An experiment of an organization, and so many runs in it."""
    chance, ids = random.Random(5), {"organization_id": organization_id, "experiment_id": id}
    engine = engine_for(url, pool_size=1)
    furnish(engine, [experiment.PROJECTION, project.PROJECTION])
    with engine.begin() as tx:
        save(tx, experiment.experiments, {(id,): EXPERIMENT | {"id": id, "organization_id": organization_id}})
        for first in range(1, count + 1, COUNT):
            some = range(first, min(first + COUNT, count + 1))
            save(tx, table, {(UUID(int=n),): row(n, _parameters(chance), _metrics(chance)) | ids for n in some})
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
    SORTED: lambda tx: list_runs(tx, HERE, HERE, viewer=None, sort=f"-{BEST}"),
    "50 sorted, two conditions": lambda tx: list_runs(
        tx, HERE, HERE, viewer=None, where=["parameters.lr0<=0.01", "parameters.optimizer=SGD"], sort="metrics.val/loss"
    ),
    "20 compared": lambda tx: compared(
        find_runs(tx, HERE, HERE, [UUID(int=n * 400 + 1) for n in range(20)], viewer=None)
    ),
}
