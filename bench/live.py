"""From accepted to visible: at 100 commands a second, through the real relay, bus and projector, each a process."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from uuid_utils.compat import uuid7

from bench.frame import Bench, Result, percentile
from infra.ledger import Append
from infra.reading import consumer
from projections import PROJECTIONS
from tests.infra.projecting import Scene, process_of, scene
from tests.projections.history import everything, recorded

PER_SECOND = 100
_SEEN = "SELECT min(position) FROM work.positions WHERE consumer = ANY(%s)"


def live(bench: Bench) -> Iterator[Result]:
    databases = bench.servers.fresh_database()
    with bench.servers.fresh_nats() as nats, scene(bench.servers, databases, nats) as at, _processes(at, bench):
        at.reading.wait_until([each.name for each in PROJECTIONS], at.tell(recorded(everything())), 30)
        spent = _told(at, bench.size(10, 60))
    bench.servers.drop(databases)
    work = f"accepted, to visible in every read model, at {PER_SECOND} commands/s, p99"
    yield Result(work, "ms", percentile(spent, 0.99), goal=50, more_is_better=False, notes={"p50": median(spent)})


@contextmanager
def _processes(at: Scene, bench: Bench) -> Iterator[None]:
    with (
        tempfile.TemporaryDirectory() as folder,
        process_of("relay", at, bench.servers, Path(folder)),
        process_of("projector", at, bench.servers, Path(folder)),
    ):
        yield


def _told(at: Scene, seconds: int) -> list[float]:
    """Milliseconds from each answer to the moment that every checkpoint is past it."""
    accepted: dict[int, float] = {}
    seen: list[tuple[int, float]] = []
    done = threading.Event()
    watching = threading.Thread(target=_watch, args=(at.databases.app_url, seen, done))
    watching.start()
    story = [each for each in recorded(everything()) if each.topic == "experiment.created"]
    begin = time.perf_counter()
    for n in range(seconds * PER_SECOND):
        event = story[0].event.model_copy(update={"originator_id": uuid7()})
        envelope = story[0].envelope.model_copy(update={"ledger": at.core.mapper.ledger})
        stored = at.core.mapper.encode(event, envelope)
        time.sleep(max(0.0, begin + n / PER_SECOND - time.perf_counter()))
        verdict = at.core.store.append([Append(uuid7(), b"", {}, [stored])])[0]
        accepted[verdict.position] = time.perf_counter()
    at.reading.wait_until([each.name for each in PROJECTIONS], max(accepted), 30)
    time.sleep(0.1)
    done.set()
    watching.join()
    moments = iter(seen)
    reached, moment = 0, 0.0
    spent = []
    for position, since in sorted(accepted.items()):
        while reached < position:
            reached, moment = next(moments)
        spent.append((moment - since) * 1_000)
    return spent


def _watch(url: str, seen: list[tuple[int, float]], done: threading.Event) -> None:
    names: Any = [consumer(each.name) for each in PROJECTIONS]
    with psycopg.connect(url, autocommit=True) as connection:
        while not done.is_set():
            found = connection.execute(_SEEN, (names,), prepare=True).fetchone()
            if found and (not seen or found[0] > seen[-1][0]):
                seen.append((found[0], time.perf_counter()))
            time.sleep(0.001)
