"""A bus of three servers, each of which keeps every stream: whoever leads may go, and nothing is lost."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra import streams
from infra.embedded.child import Change, State
from infra.embedded.passwords import Passwords
from tests.cluster import Cluster, cluster
from tests.consumers.relaying import Scene, scene, until
from tests.ground import ground
from tests.servers import Databases, Servers


async def leader(at: Scene) -> str:
    async def found() -> bool:
        try:
            cluster = (await at.js.stream_info(streams.EVENTS)).cluster
        except Exception:
            return False
        names.append(str(cluster.leader) if cluster and cluster.leader else "")
        return bool(names[-1])

    names: list[str] = []
    await until(found)
    return names[-1]


@pytest.mark.slow
@pytest.mark.timeout(180)
# nats-py leaves what it wrote to a server that died to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whichever_server_leads_and_is_killed_no_event_is_lost_or_doubled(
    servers: Servers, fresh_database: Callable[[], Databases], tmp_path: Path
) -> None:
    async def story(bus: Cluster) -> None:
        await bus.agree()
        async with scene(bus, ledger, replicas=3) as at, at.relaying() as (_, task):
            with ThreadPoolExecutor(4) as writers:
                for _ in range(3):
                    writing = [asyncio.wrap_future(writers.submit(ledger.write, 300, 3)) for _ in range(4)]
                    killed, before = await leader(at), len(back)
                    bus.kill(killed)
                    await asyncio.gather(*writing)
                    await at.settle(task)
                    await until(lambda before=before: came_back(before))  # type: ignore[misc]
            await at.assert_same()

    async def came_back(before: int) -> bool:
        return len(back) > before

    def hear(change: Change) -> None:
        if change.state is State.RESTARTED:
            back.append(change.name)

    back: list[str] = []
    passwords = Passwords(tmp_path)
    with ground(fresh_database()) as ledger, cluster(tmp_path, passwords, ("timm",), hear) as bus:
        asyncio.run(story(bus))
