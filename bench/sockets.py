"""From accepted to a message on a live socket, while others give 100 commands a second to the same process."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from statistics import median
from threading import Event, Thread
from typing import Any, Final
from uuid import uuid4

from websockets.exceptions import ConnectionClosed

from bench.frame import Bench, Result, percentile
from bench.lifecycle import credential, ready
from bench.load import Talk
from bench.served import Served, serving
from cli.client import Api
from cli.live import once
from tests.servers import Servers

PER_SECOND: Final = 100
HANDS: Final = 4
JOBS: Final = "/api/v1/training-jobs"
START: Final = {"device": "cpu", "environment": {"python": "3.11"}, "parameters": {}}
HANDED_OVER: Final = {
    "evidence": {"reason": "handed_over", "message": "the service stops", "exit_code": 0, "last_lines": []}
}


def sockets(bench: Bench) -> Iterator[Result]:
    with serving(bench.servers) as served, Api(served.admin.url, served.token) as admin:
        wanted = ready(bench.servers, admin)
        wish = {"project_id": wanted.project, "dataset_id": wanted.dataset, "framework": "timm", "model": "small"}
        job: str = admin.post("/training-jobs", **wish)["id"]
        heard = Heard(admin, job)
        heard.start()
        with others_at_work(served) as answered:
            accepted = asyncio.run(told(bench.servers, served, job, bench.size(50, 1_000)))
        heard.join(30)
    spent = [(at - since) * 1_000 for since, at in zip(accepted, heard.moments[-len(accepted) :], strict=True)]
    work = f"accepted, to a message on a socket, at {PER_SECOND} commands/s, p99"
    at_once = sum(accepted[0] <= each <= accepted[-1] for each in answered)
    notes = {"p50": median(spent), "commands/s of others reached": at_once / (accepted[-1] - accepted[0])}
    yield Result(work, "ms", percentile(spent, 0.99), goal=80, more_is_better=False, notes=notes)


class Heard(Thread):
    """When each state of a job came, until it failed: what ends the socket waits for points that nobody ships here."""

    def __init__(self, api: Api, job: str) -> None:
        super().__init__(daemon=True)
        self.moments: list[float] = []
        self._api, self._job = api, job

    def run(self) -> None:
        with suppress(ConnectionClosed):
            for message in once(self._api, self._job, None):
                if "status" in message:
                    self.moments.append(time.perf_counter())
                if message.get("status") == "failed":
                    return


async def told(servers: Servers, served: Served, job: str, attempts: int) -> list[float]:
    """When each report of a worker was accepted that begins, and gives back, so many attempts; the last one fails."""
    talk = Talk(*await asyncio.open_connection("127.0.0.1", served.port))
    accepted: list[float] = []

    async def say(path: str, body: Any, token: str) -> Any:
        answer = await talk("POST", path, body, token)
        accepted.append(time.perf_counter())
        return answer

    for number in range(1, attempts + 1):
        worker = {"attempt": number, "worker_id": str(uuid4()), "worker": "a machine"}
        token = (await say(f"{JOBS}/{job}/attempts", worker, credential(servers)))["token"]
        attempt = f"{JOBS}/{job}/attempts/{number}"
        await say(f"{attempt}/start", START, token)
        await say(f"{attempt}/{'hand-over' if number < attempts else 'fail'}", HANDED_OVER, token)
    talk.writer.close()
    return accepted


@contextmanager
def others_at_work(served: Served) -> Iterator[list[float]]:
    """Each of some hands renames a project of its own at a steady rate; when, as the API has answered."""
    over = Event()
    answered: list[float] = []

    def work(hand: int) -> None:
        with Api(served.admin.url, served.token) as api:
            project = api.post("/projects", name=f"bench {hand}")["id"]
            begun, number = time.perf_counter() + hand / PER_SECOND, 0
            while not over.wait(max(0.0, begun + number * HANDS / PER_SECOND - time.perf_counter())):
                number += 1
                api.patch(f"/projects/{project}", name=f"bench {hand} {number}")
                answered.append(time.perf_counter())

    others = [Thread(target=work, args=(hand,), daemon=True) for hand in range(HANDS)]
    for other in others:
        other.start()
    try:
        yield answered
    finally:
        over.set()
        for other in others:
            other.join()
