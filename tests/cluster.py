"""A bus of three servers, which know each other and all the platform's users."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra import nats_users
from infra.bus import connect
from infra.embedded.child import Change, Child
from infra.embedded.group import Group
from infra.embedded.nats import Nats
from infra.embedded.passwords import Passwords
from infra.embedded.ports import HOST, Ports

SERVERS: Final = ("nats-1", "nats-2", "nats-3")


@dataclass
class Cluster:
    nodes: dict[str, Nats]
    group: Group

    def url(self, user: str) -> str:
        """Of the first; it tells whoever comes of the others."""
        return self.nodes[SERVERS[0]].url(user)

    async def agree(self) -> None:
        """Until it is agreed who leads: a bus that has no leader yet makes no stream."""
        client = await connect(self.url("admin"))
        while True:
            with suppress(Exception):
                await client.jetstream(timeout=1.0).account_info()
                return await client.close()
            await asyncio.sleep(0.1)

    def kill(self, server: str) -> None:
        os.kill(self.group.pids()[server], signal.SIGKILL)


@contextmanager
def cluster(
    folder: Path, passwords: Passwords, frameworks: tuple[str, ...], hear: Callable[[Change], None]
) -> Iterator[Cluster]:
    """In folders of their own under this one, which is there; `hear` is told what becomes of each."""
    users = nats_users.users(frameworks)
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
            yield Cluster(nodes, group)


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
