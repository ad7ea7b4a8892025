"""The API on real servers: a house of its own per module, and people who knock."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from threading import Event

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.conninfo import conninfo_to_dict
from uuid_utils.compat import uuid7

from api import create_app
from infra import bus, streams
from infra.blobs import Blobs
from infra.config import OperatorLimits, Settings
from infra.embedded.nats import Nats
from infra.migrate import migrate, migrate_keys
from infra.objects import Objects
from infra.provision import APP, KEYS, OWNER
from infra.reading import Reading
from infra.trash import Trash
from infra.wiring import Core
from tests.api.letters import Delivered, delivering
from tests.api.projecting import projecting
from tests.api.visitor import Visitor
from tests.api.worker import Worker
from tests.api.yard import Yard
from tests.servers import Servers


@pytest.fixture(scope="module")
def nats(servers: Servers) -> Iterator[Nats]:
    """A bus that has the stream of telemetry, as the log of a training is read from it."""
    with servers.fresh_nats() as nats:
        asyncio.run(declared(nats.url("admin")))
        yield nats


async def declared(url: str) -> None:
    client = await bus.connect(url)
    await client.jetstream().add_stream(streams.telemetry())
    await client.close()


@pytest.fixture(scope="module")
def settings(servers: Servers, nats: Nats) -> Iterator[Settings]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    # Tests leave trainings behind that nobody ends, and invite many; both limits are told in files of their own.
    many = OperatorLimits(running_per_organization=1_000, invitations_per_day=0)
    yield servers.settings("api", databases, nats).model_copy(update={"limits": many})
    servers.drop(databases)


@pytest.fixture(scope="module")
def holding(settings: Settings) -> Iterator[Event]:
    """Set it, and the read models stand still."""
    with projecting(settings) as held:
        yield held


@pytest.fixture(scope="module")
def client(settings: Settings, holding: Event) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture(scope="module")
def yard(settings: Settings, client: object) -> Iterator[Yard]:
    with Core.open(settings) as core, closing(Reading(settings.need("database_url"))) as reading:
        yield Yard(Trash.of(core, reading, Blobs(core.pool, Objects.open(settings))), core, settings)


@pytest.fixture(scope="module")
def owner(servers: Servers, settings: Settings) -> Iterator[psycopg.Connection]:
    """Of the database: who can do there what the application cannot."""
    database = str(conninfo_to_dict(settings.need("database_url"))["dbname"])
    with psycopg.connect(servers.parts.database_url(OWNER, database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def aged(owner: psycopg.Connection) -> Callable[[str, timedelta], None]:
    """All links about somebody or something that were sent by now, as if that had been so long ago."""

    def age(subject: str, by: timedelta) -> None:
        done = owner.execute("UPDATE secrets.links SET expires_at = expires_at - %s WHERE subject = %s", [by, subject])
        assert done.rowcount > 0

    return age


@pytest.fixture(scope="module")
def delivered(settings: Settings, servers: Servers) -> Iterator[Delivered]:
    with delivering(settings, servers) as deliver:
        yield deliver


@pytest.fixture
def stranger(client: TestClient) -> Visitor:
    """Nobody that is known, at a network that has asked for nothing yet."""
    return Visitor(client).elsewhere()


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count(1)


@pytest.fixture(scope="module")
def founder(client: TestClient, numbers: Iterator[int]) -> Callable[[], Visitor]:
    """Registers the first member, so the admin, of an organization of its own."""
    return lambda: Visitor(client).register(company=f"Company {next(numbers)}")


@pytest.fixture(scope="module")
def ann(founder: Callable[[], Visitor]) -> Visitor:
    return founder()


@pytest.fixture(scope="module")
def bob(founder: Callable[[], Visitor]) -> Visitor:
    """Of another organization."""
    return founder()


@pytest.fixture(scope="module")
def worker(client: TestClient, servers: Servers) -> Worker:
    """The service of timm, which has reported what it can train."""
    worker = Worker(client, servers.stack.passwords["worker-timm"], "timm")
    worker.report_models()
    return worker
