"""A run from its making to its end, against MLflow's own API: made, 10 parameters, 100 metrics, completed."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import uuid4

from bench.frame import Bench, Result, in_turn
from bench.http import created, noted, notes
from bench.load import Load, Story, Talk
from bench.served import Served, serving
from cli.client import Api
from cli.push import folder_of, push
from tests.api.folders import scenes
from tests.servers import Servers

PEER: Final = "MLflow's own API"
PARAMETERS: Final = {f"p{n}": n for n in range(10)}
METRICS: Final = {f"m{n}": n + 0.5 for n in range(100)}
MODEL: Final = b"a model"
RESULT: Final = b'{"format":1}'


def lifecycle(bench: Bench) -> Iterator[Result]:
    seconds = bench.size(1, 15)
    with serving(bench.servers) as ours:
        with Api(f"http://127.0.0.1:{ours.port}", ours.token) as admin:
            told = ours_told(bench.servers, ours, ready(bench.servers, admin))
        for work, story, other, clients in (
            ("create, 8 clients (an experiment, a run)", created(ours), run_made, 8),
            ("run lifecycle, 1 client", told, mlflow_told, 1),
            ("run lifecycle, 8 clients", told, mlflow_told, 8),
        ):
            loads: dict[str, list[Load]] = {"ours": [], PEER: []}
            ways = {
                "ours": partial(noted, loads["ours"], ours.port, story, clients, seconds),
                PEER: partial(noted, loads[PEER], bench.mlflow_port, other, clients, seconds),
            }
            yield Result.of(work, "/s", in_turn(ways), PEER, 10.0, notes=notes(loads, PEER))


class Wanted(NamedTuple):
    project: str
    dataset: str


def ready(servers: Servers, admin: Api) -> Wanted:
    """A project, a dataset with images, and a trainer whose model takes ten parameters."""
    with tempfile.TemporaryDirectory() as name:
        for path, data in scenes().items():
            file = Path(name) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        wanted = Wanted(admin.post("/projects", name="bench")["id"], admin.post("/datasets", name="bench")["id"])
        push(admin, wanted.dataset, folder_of(Path(name)))
    with Api(admin.url, credential(servers)) as trainer:
        trainer.post("/workers/models", framework="timm", models=[model()])
    return wanted


def model() -> Mapping[str, Any]:
    bounds = {"type": "integer", "default": 3, "min": 0, "max": 100, "description": "", "choices": None}
    named = {"name": "small", "task": "detection", "description": "", "metric": "map50"}
    return named | {"parameters": [{"name": name, **bounds} for name in PARAMETERS]}


def credential(servers: Servers) -> str:
    found: str = servers.stack.passwords["worker-timm"]
    return found


def ours_told(servers: Servers, served: Served, wanted: Wanted) -> Story:
    """What a trainer's service says of one attempt; its files are in the store already."""
    project, dataset = wanted
    wish = {"project_id": project, "dataset_id": dataset, "framework": "timm", "model": "small"}
    worker = {"attempt": 1, "worker_id": str(uuid4()), "worker": "a machine"}
    start = {"device": "cpu", "environment": {"python": "3.11"}, "parameters": PARAMETERS}
    epoch = {"epoch": 1, "epochs": 1, "metrics": METRICS, "seconds": 1.5}
    stored = [{"sha256": sha256(data).hexdigest(), "size": len(data)} for data in (MODEL, RESULT)]

    async def story(talk: Talk) -> None:
        api = "/api/v1/training-jobs"
        job = (await talk("POST", api, wish | {"parameters": PARAMETERS}, served.token))["id"]
        claim = await talk("POST", f"{api}/{job}/attempts", worker, credential(servers))
        attempt = f"{api}/{job}/attempts/1"
        await talk("POST", f"{attempt}/start", start, claim["token"])
        await talk("POST", f"{attempt}/epochs", epoch, claim["token"])
        for each, data in zip(stored, (MODEL, RESULT), strict=True):
            place = await talk("POST", f"{attempt}/objects", each, claim["token"])
            if not place["present"]:
                served.admin.put(place["url"], place["headers"], data)
        end = {"best_epoch": 1, "metrics": {"test/map50": 0.9}, "result": stored[1]["sha256"]}
        await talk("POST", f"{attempt}/complete", end | {"model": {"id": str(uuid4()), **stored[0]}}, claim["token"])

    return story


async def run_made(talk: Talk) -> Any:
    now = int(time.time() * 1e3)
    made = await talk("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": now})
    return made["run"]["info"]["run_id"]


async def mlflow_told(talk: Talk) -> None:
    now = int(time.time() * 1e3)
    run = {"run_id": await run_made(talk)}
    parameters = [{"key": name, "value": str(value)} for name, value in PARAMETERS.items()]
    metrics = [{"key": name, "value": value, "timestamp": now, "step": 1} for name, value in METRICS.items()]
    await talk("POST", "/api/2.0/mlflow/runs/log-batch", run | {"params": parameters, "metrics": metrics})
    await talk("POST", "/api/2.0/mlflow/runs/update", run | {"status": "FINISHED", "end_time": now})
