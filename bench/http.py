"""Commands over HTTP, against a bare FastAPI that does one durable insert under the same server."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from statistics import median

import psycopg

from bench.frame import Bench, Result, in_turn
from bench.load import Load, Story, Talk, loaded
from bench.served import Served, process, serving
from infra.embedded.ports import Ports

SYNC = "bare FastAPI + psycopg, sync handlers like ours"
ASYNC = "bare FastAPI + psycopg, async handlers"


def http(bench: Bench) -> Iterator[Result]:
    seconds = bench.size(1, 20) / 2
    with ExitStack() as stack:
        served = stack.enter_context(serving(bench.servers))
        with psycopg.connect(served.databases.owner_url, autocommit=True) as owner:
            owner.execute("CREATE TABLE public.bare (id uuid PRIMARY KEY, body bytea NOT NULL)")
        bare = {
            name: stack.enter_context(bare_api(style, bench, served.databases.owner_url))
            for name, style in ((SYNC, "sync"), (ASYNC, "async"))
        }
        create = created(served)
        for clients in (1, 8, 32):
            ways = {"ours": (served.port, create)} | {n: (port, inserted) for n, port in bare.items()}
            loads: dict[str, list[Load]] = {name: [] for name in ways}
            rounds = in_turn({n: partial(noted, loads[n], *way, clients, seconds) for n, way in ways.items()})
            work = f"commands over HTTP, {clients} connection{'s' if clients > 1 else ''}"
            yield from (
                Result.of(work, "/s", rounds, SYNC, 0.5, notes=notes(loads, SYNC)),
                Result.of(work, "/s", rounds, ASYNC, None, notes=notes(loads, ASYNC)),
            )


@contextmanager
def bare_api(style: str, bench: Bench, url: str) -> Iterator[int]:
    with closing(Ports(bench.servers.stack.folder / "run" / "bare.json")) as ports:
        port = ports[style]
        words = [sys.executable, "-m", "bench.peers.bare_api", style, str(port)]
        with process(words, {"BARE_DATABASE_URL": url}, f"http://127.0.0.1:{port}/health"):
            yield port


def created(served: Served) -> Story:
    """An experiment in a project: what is read is shared by all, what is written by nobody."""
    experiment = {"project_id": served.admin.post("/projects", name="bench")["id"], "name": "bench"}

    async def create(talk: Talk) -> None:
        await talk("POST", "/api/v1/experiments", experiment, served.token)

    return create


async def inserted(talk: Talk) -> None:
    await talk("POST", "/projects", {"name": "bench"})


def noted(loads: list[Load], port: int, story: Story, clients: int, seconds: float) -> float:
    loads.append(loaded(port, story, clients, seconds))
    return loads[-1].rate


def notes(loads: dict[str, list[Load]], other: str) -> dict[str, float]:
    figures: dict[str, Callable[[Load], float]] = {"p50": lambda load: load.p50, "p99": lambda load: load.p99}
    return {
        f"{name}{whose}": median(map(figure, loads[side]))
        for side, whose in (("ours", " ms"), (other, " ms of the limit"))
        for name, figure in figures.items()
    }
