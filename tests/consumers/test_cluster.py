"""A bus of three servers, each of which keeps every stream: whoever leads may go, and nothing is lost."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from infra import nats_users, streams
from infra.bus import connect
from infra.embedded.child import Change, Child, State
from infra.embedded.group import Group
from infra.embedded.nats import Nats
from infra.embedded.passwords import Passwords
from infra.embedded.ports import HOST, Ports
from tests.consumers.relaying import Scene, scene, until
from tests.ground import ground
from tests.servers import Databases, Servers

SERVERS: Final = ("nats-1", "nats-2", "nats-3")


@dataclass
class Cluster:
    nodes: dict[str, Nats]
    group: Group
    back: list[str]

    def url(self, user: str) -> str:
        """Of the first; it tells whoever comes of the others."""
        return self.nodes[SERVERS[0]].url(user)

    def kill(self, server: str) -> None:
        os.kill(self.group.pids()[server], signal.SIGKILL)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    back: list[str] = []

    def hear(change: Change) -> None:
        if change.state is State.RESTARTED:
            back.append(change.name)

    passwords, users = Passwords(folder), nats_users.users(["timm"])
    with closing(Ports(folder / "ports.json")) as ports:
        nodes = {}
        for name in SERVERS:
            (folder / name).mkdir()
            nodes[name] = Nats(folder / name, ports[name], passwords, users, name)
        for user in users:
            nodes[SERVERS[0]].password(user.name)  # made here, and found by all
        routes = {name: ports[f"{name}-route"] for name in SERVERS}
        group = Group(folder, hear)
        with group.running(joined(node.child(), routes) for node in nodes.values()):
            yield Cluster(nodes, group, back)


def joined(child: Child, routes: dict[str, int]) -> Child:
    """The same server as one of several."""
    prepare, configuration = child.prepare, child.cwd / "server.conf"
    others = ", ".join(f'"nats-route://{HOST}:{port}"' for port in routes.values())
    listen = f"{HOST}:{routes[child.name]}"

    def join() -> None:
        prepare()
        text = configuration.read_text().replace('server_name: "vistory"', f'server_name: "{child.name}"')
        configuration.write_text(f'{text}\ncluster {{ name: "vistory", listen: "{listen}", routes: [{others}] }}\n')

    return replace(child, prepare=join)


async def led(bus: Cluster) -> None:
    """Until they agree on who leads; a bus that has no leader yet makes no stream."""
    client = await connect(bus.url("admin"))

    async def agreed() -> bool:
        try:
            await client.jetstream(timeout=1.0).account_info()
        except Exception:
            return False
        return True

    await until(agreed)
    await client.close()


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
        await led(bus)
        async with scene(bus, ledger, replicas=3) as at, at.relaying() as (_, task):
            with ThreadPoolExecutor(4) as writers:
                for _ in range(3):
                    writing = [asyncio.wrap_future(writers.submit(ledger.write, 300, 3)) for _ in range(4)]
                    killed, before = await leader(at), len(bus.back)
                    bus.kill(killed)
                    await asyncio.gather(*writing)
                    await at.settle(task)
                    await until(lambda before=before: came_back(bus, before))  # type: ignore[misc]
            await at.assert_same()

    async def came_back(bus: Cluster, before: int) -> bool:
        return len(bus.back) > before

    with ground(fresh_database()) as ledger, cluster(tmp_path) as bus:
        asyncio.run(story(bus))
