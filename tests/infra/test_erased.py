"""Whoever is erased is forgotten by every read model at that position, before any of them is made anew."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import psycopg
import pytest

from domain.errors import NotFound
from domain.model import Recorded
from infra.comparison import compare_rebuild
from infra.erased import destroy_keys, erase
from infra.host import Host
from infra.rebuild import rebuild
from infra.tables import tables
from projections import PROJECTIONS
from tests.commands.conftest import ANN, BEN, CAT
from tests.infra.projecting import Scene, scene
from tests.projections.history import everything, recorded
from tests.servers import Databases, Servers

# How many names and addresses the audit log keeps of each.
NAMED = {"person.registered": 2, "person.renamed": 1, "person.email_changed": 1}
# An invitation that is over forgets whom it was sent to and what it said.
ANSWERED = {f"invitation.{end}" for end in ("accepted", "declined", "expired", "cancelled")}


@pytest.fixture
def at(servers: Servers, fresh_database: Callable[[], Databases]) -> Iterator[Scene]:
    with servers.fresh_nats() as nats, scene(servers, fresh_database(), nats) as ready:
        yield ready


@pytest.fixture(scope="module")
def history() -> list[Recorded]:
    return recorded(everything())


def words(at: Scene) -> str:
    """Everything that stands in any read model."""
    with psycopg.connect(at.databases.app_url) as connection:
        return "\n".join(
            row
            for table in tables(PROJECTIONS)
            for (row,) in connection.execute(f"SELECT t::text FROM read.{table.name} t".encode())
        )


async def read(at: Scene) -> None:
    position = at.core.store.head().position
    await at.publish()
    async with at.projecting():
        await at.reached(position)


def test_live_tables_forget_at_that_position_as_those_made_anew_do(at: Scene, history: Sequence[Recorded]) -> None:
    at.tell(history)
    asyncio.run(read(at))
    there = words(at)
    assert not {"cat@example.org", "catherine@example.org"} & set(there.replace(",", " ").split())
    assert {"ann@example.org", "ben@example.org", "192.0.2.7"} <= {each for each in there.replace(",", " ").split()}
    answered = sum(each.topic in ANSWERED for each in history)
    called = sum(NAMED.get(each.topic, 0) for each in history if each.event.originator_id == CAT)
    acted = 2 * sum(each.envelope.actor.id == CAT for each in history)
    assert there.count("[erased]") == 2 + called + acted + 2 * answered
    rebuild(at.core)
    assert words(at).count("[erased]") == there.count("[erased]")
    assert destroy_keys(at.core) == [CAT]
    assert destroy_keys(at.core) == []
    assert compare_rebuild(at.core).differences == ()


def test_an_erasure_is_one_command_and_its_receipt_stays_the_same(
    at: Scene, servers: Servers, history: Sequence[Recorded]
) -> None:
    at.tell(history)
    asyncio.run(read(at))
    assert "ben@example.org" in words(at)
    with Host.open(servers.settings("consumers", at.databases, at.nats)) as work:
        first = erase(work.core, work.dispatch, BEN)
        assert erase(work.core, work.dispatch, BEN) == first
        assert first.position == at.core.store.head().position
        assert at.core.keys.kept_of([ANN, BEN]) == [ANN]
        with pytest.raises(NotFound):
            erase(work.core, work.dispatch, UUID(int=999))
