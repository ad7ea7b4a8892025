"""The reactions as their process runs them: on a real bus and a real database, with a real mail server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from cli.exits import Exit
from commands.access import Caller
from consumers.acting import Platform
from consumers.app import _lookout, _mail, _start_reactions
from consumers.occasions import OCCASIONS
from consumers.reactions import Reaction, Reactor, Records
from domain.model import Recorded
from infra.bus import connect
from infra.config import Settings
from infra.embedded.nats import Nats
from infra.mailbox import Mailbox
from infra.migrate import migrate, migrate_keys
from infra.parked import Parked
from infra.positions import DoneSet, Positions
from infra.provision import APP, KEYS
from infra.streams import EVENTS
from infra.unit import Errand
from infra.wiring import Core
from tests.api.letters import UNNAMED
from tests.commands.conftest import ANN, BEN, register
from tests.consumers.relaying import Scene, scene, until
from tests.e2e.running import vistory
from tests.ground import Ground
from tests.servers import Databases, Servers
from tests.serving import told

WELCOME = "write-on-person-registered"


@dataclass
class Works:
    """What happens is on the bus at once; durables are looked after when a test says so."""

    core: Core
    at: Scene
    platform: Platform
    reactor: Reactor
    table: Sequence[Reaction]

    async def look(self) -> None:
        await _lookout(self.core).look(self.at.js, self.table)
        await self.reactor.redrive(self.table)

    async def register(self, person: UUID, name: str) -> None:
        errand = Errand(Caller(kind="anonymous", id=UUID(int=0)), datetime.now(UTC), uuid7())
        await asyncio.to_thread(self.platform.dispatch, register(person, name), errand)
        await self.at.relay_all()

    async def given(self, durable: str) -> tuple[int, int]:
        """From where on it is given events, and how many were."""
        info = await self.at.js.consumer_info(EVENTS, durable)
        return info.config.opt_start_seq or 0, info.delivered.consumer_seq if info.delivered else 0

    async def noted(self, durable: str) -> bool:
        """That nothing is before it any more."""
        await self.look()
        return Positions(self.core.pool).of(f"react:{durable}") == await self.at.last()


@pytest.fixture
def databases(fresh_database: Callable[[], Databases]) -> Databases:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    return databases


@pytest.fixture
def nats(servers: Servers) -> Iterator[Nats]:
    with servers.fresh_nats() as nats:
        yield nats


@pytest.fixture
def core(servers: Servers, nats: Nats, databases: Databases) -> Iterator[Core]:
    with Core.open(servers.settings("consumers", databases, nats)) as core:
        yield core


@pytest.fixture
def ground(core: Core, databases: Databases) -> Ground:
    return Ground(core.store, core.mapper.ledger, databases)


@asynccontextmanager
async def reacting(
    core: Core, nats: Nats, ground: Ground, table: Callable[[Platform], Sequence[Reaction]]
) -> AsyncIterator[Works]:
    async with scene(nats, ground) as at, AsyncExitStack() as stack:
        client = await connect(core.settings.need("nats_url"))
        stack.push_async_callback(client.close)
        platform = Platform(core.store, core.mapper, core.dispatch(core.accounts(), UNNAMED))
        records = Records(DoneSet(core.pool), Parked(core.pool), Positions(core.pool), client.publish)
        works = Works(core, at, platform, Reactor(platform, records), table(platform))
        await _start_reactions(core.settings, client, works.reactor, tuple(works.table), stack)
        yield works


@pytest.mark.parametrize("is_noted", [True, False], ids=["where it was", "before that was noted"])
def test_letters_of_the_past_do_not_come_again_where_their_durables_are_deleted(
    is_noted: bool, servers: Servers, core: Core, nats: Nats, ground: Ground
) -> None:
    box, ann, ben = Mailbox(servers.stack.folder / "mail"), f"ann-{uuid7()}", f"ben-{uuid7()}"

    def letters() -> list[str]:
        to = [str(each.letter["to"]).partition("@")[0] for each in box.letters()]
        return sorted(name for name in to if name in (ann, ben))

    async def came(*names: str) -> None:
        async def is_there() -> bool:
            return letters() == [*names]

        await until(is_there)

    def table(platform: Platform) -> Sequence[Reaction]:
        return _mail(core, platform).reactions(OCCASIONS)

    async def story() -> None:
        async with reacting(core, nats, ground, table) as works:
            await works.register(ANN, ann)
            await came(ann)
            if is_noted:
                await until(partial(works.noted, WELCOME))
            past = await works.at.last()
            for each in works.table:
                await works.at.js.delete_consumer(EVENTS, each.name)
            await works.look()
            await works.register(BEN, ben)
            await came(ann, ben)
            await until(partial(works.noted, WELCOME))
            assert await works.given(WELCOME) == ((past + 1, 1) if is_noted else (1, 2))
        assert letters() == [ann, ben]

    asyncio.run(story())


@dataclass
class Stomach:
    """Of a reaction that cannot digest one event until it is mended."""

    poison: int = 0
    had: list[int] = field(default_factory=list)

    async def effect(self, recorded: Recorded) -> None:
        if recorded.position == self.poison:
            raise RuntimeError("this one I cannot digest")
        self.had.append(recorded.position)


def test_an_event_that_nobody_can_digest_holds_up_no_other_and_is_had_once_when_that_is_mended(
    core: Core, nats: Nats, ground: Ground, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.errors.pause", lambda attempts: 0.01)
    tell_the_command(servers.settings("cli", ground.databases, nats), tmp_path)
    sick, well = Stomach(poison=2), Stomach()
    created = ("vistory.events.*.project.*.created",)
    table = Reaction("eat-on-project-created", created, sick.effect), Reaction("too", created, well.effect)

    async def story() -> None:
        async with reacting(core, nats, ground, lambda _: table) as works:
            ground.write(3, per_command=1)
            await works.at.relay_all()
            await until(partial(works.noted, "eat-on-project-created"))
            await until(partial(works.noted, "too"))
            assert (sick.had, well.had) == ([1, 3], [1, 2, 3])
            (aside,) = await listed(tmp_path)
            assert (aside["consumer"], aside["position"], aside["attempts"]) == ("eat-on-project-created", 2, 5)
            assert aside["reason"].startswith("RuntimeError at consumers/reactions.py:")
            sick.poison = 0
            await works.look()
            assert sick.had == [1, 3], "nobody asked for it yet"
            await redrive(tmp_path, aside["id"])
            await works.look()
            await works.look()
            assert (sick.had, well.had) == ([1, 3, 2], [1, 2, 3])
            assert Parked(core.pool).listed() == []

    asyncio.run(story())


def tell_the_command(settings: Settings, data: Path) -> None:
    (data / "run").mkdir()
    told(settings, data / "run").rename(data / "run" / "cli.json")


async def listed(data: Path) -> list[dict[str, Any]]:
    done = await asyncio.to_thread(vistory, "parked", "list", "--json", "--data", str(data), home=data)
    assert done.returncode == Exit.OK, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


async def redrive(data: Path, id: str) -> None:
    done = await asyncio.to_thread(vistory, "parked", "redrive", id, "--data", str(data), home=data)
    assert done.returncode == Exit.OK, done.stderr
