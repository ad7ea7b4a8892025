"""From accepted to visible: 100 commands a second over HTTP, on a whole platform as `vistory up` starts it."""

import time
from collections.abc import Iterator
from statistics import median
from threading import Event, Thread
from typing import Any, Final

import psycopg

from bench.frame import Bench, Result, percentile
from bench.hosting import Hosted, hosted
from cli.client import Api
from infra.reading import consumer
from projections import PROJECTIONS
from tests.whole import head, waited

PER_SECOND: Final = 100
HANDS: Final = 4
_SEEN = "SELECT min(position) FROM work.positions WHERE consumer = ANY(%s)"


def live(bench: Bench) -> Iterator[Result]:
    with hosted() as platform:
        accepted, seen = _told(platform, bench.size(10, 60))
    spent = list(_spent(accepted, seen))
    work = f"accepted over HTTP, to visible in every read model, at {PER_SECOND} commands/s, p99"
    reached = len(accepted) / (max(accepted.values()) - min(accepted.values()))
    notes = {"p50": median(spent), "commands/s reached": reached}
    yield Result(work, "ms", percentile(spent, 0.99), goal=50, more_is_better=False, notes=notes)


def _told(platform: Hosted, seconds: int) -> tuple[dict[int, float], list[tuple[int, float]]]:
    """When each command was answered, by its position; and when every checkpoint was at one."""
    accepted: dict[int, float] = {}
    seen: list[tuple[int, float]] = []
    done = Event()
    hands = [Thread(target=_ask, args=(platform.api, hand, seconds, accepted)) for hand in range(HANDS)]
    watching = Thread(target=_watch, args=(platform.settings.need("database_url"), seen, done))
    for thread in (watching, *hands):
        thread.start()
    for hand in hands:
        hand.join()
    last = head(platform.settings)
    waited(lambda: seen and seen[-1][0] >= last, 60, "all is visible")
    done.set()
    watching.join()
    return accepted, seen


def _ask(signed_in: Api, hand: int, seconds: int, accepted: dict[int, float]) -> None:
    """A project of its own is renamed at a steady rate."""
    with Api(signed_in.url, signed_in.token) as api:
        project = api.post("/projects", name=f"bench {hand}")["id"]
        begun = time.perf_counter() + hand / PER_SECOND
        for number in range(seconds * PER_SECOND // HANDS):
            time.sleep(max(0.0, begun + number * HANDS / PER_SECOND - time.perf_counter()))
            api.patch(f"/projects/{project}", name=f"bench {hand} {number}")
            assert api.receipt
            accepted[int(api.receipt.split(":")[1])] = time.perf_counter()


def _watch(url: str, seen: list[tuple[int, float]], done: Event) -> None:
    names: Any = [consumer(each.name) for each in PROJECTIONS]
    with psycopg.connect(url, autocommit=True) as connection:
        while not done.is_set():
            found = connection.execute(_SEEN, (names,), prepare=True).fetchone()
            if found and (not seen or found[0] > seen[-1][0]):
                seen.append((found[0], time.perf_counter()))
            time.sleep(0.001)


def _spent(accepted: dict[int, float], seen: list[tuple[int, float]]) -> Iterator[float]:
    """Milliseconds; none where it was seen before its answer came."""
    moments, reached, moment = iter(seen), 0, 0.0
    for position, since in sorted(accepted.items()):
        while reached < position:
            reached, moment = next(moments)
        yield max(0.0, moment - since) * 1_000
