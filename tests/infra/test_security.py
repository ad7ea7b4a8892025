"""The security log on real PostgreSQL: what a flood makes of it, how long it is kept, and what is still untold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from infra.event_store import EventStore
from infra.ledger import Append
from infra.migrate import migrate
from infra.provision import APP
from infra.security import SecurityEventKind, SecurityLog
from tests.ground import Hand
from tests.servers import Databases, Servers

ANN, BEN, ACME = UUID(int=1), UUID(int=2), UUID(int=3)
FAILED = SecurityEventKind.SIGN_IN_FAILED


@pytest.fixture(scope="module")
def ledger(servers: Servers) -> Iterator[Databases]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    yield databases
    servers.drop(databases)


@pytest.fixture(scope="module")
def pool(ledger: Databases) -> Iterator[ConnectionPool]:
    with ConnectionPool(ledger.app_url, min_size=1, max_size=8, kwargs={"autocommit": True}, open=True) as pool:
        yield pool


@pytest.fixture
def owner(ledger: Databases) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(ledger.owner_url, autocommit=True, row_factory=dict_row) as owner:
        owner.execute("TRUNCATE secrets.security_log")
        yield owner


@pytest.fixture
def log(pool: ConnectionPool, owner: object) -> SecurityLog:
    return SecurityLog(pool)


def rows(owner: psycopg.Connection[dict[str, Any]], what: str = "*") -> list[dict[str, Any]]:
    return owner.execute(f"SELECT {what} FROM secrets.security_log ORDER BY id".encode()).fetchall()


def age(owner: psycopg.Connection[dict[str, Any]], hours: int) -> None:
    owner.execute(
        "UPDATE secrets.security_log SET hour = hour - d, first_at = first_at - d, last_at = last_at - d"
        " FROM make_interval(hours => %s) d",
        [hours],
    )


def test_what_goes_on_is_one_row_an_hour_that_counts_it(log: SecurityLog, owner: Any) -> None:
    for _ in range(5):
        log.note(FAILED, "2001:db8::1", person_id=ANN)
        log.note(FAILED, "2001:db8::2", person_id=ANN)
    (row,) = rows(owner)
    assert (row["kind"], row["person_id"], row["network"], row["count"]) == (FAILED, ANN, "2001:db8::/64", 10)
    assert row["hour"] <= row["first_at"] < row["last_at"] <= datetime.now(UTC)
    age(owner, 1)
    log.note(FAILED, "2001:db8::1", person_id=ANN)
    assert [each["count"] for each in rows(owner)] == [10, 1]


def test_kinds_people_and_organizations_are_counted_apart(log: SecurityLog, owner: Any) -> None:
    log.note(FAILED, "10.0.0.1", person_id=ANN)
    log.note(SecurityEventKind.SECOND_FACTOR_FAILED, "10.0.0.1", person_id=ANN)
    log.note(FAILED, "10.0.0.1", person_id=BEN)
    log.note(FAILED, "10.0.0.1")
    log.note(SecurityEventKind.REACHED_OUT, "10.0.0.1", person_id=ANN, organization_id=ACME)
    assert [each["count"] for each in rows(owner)] == [1] * 5


def test_a_flood_from_everywhere_at_once_is_counted_and_takes_a_few_rows(log: SecurityLog, owner: Any) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: log.note(FAILED, f"10.1.{n % 100}.1", person_id=ANN), range(400)))
    found = rows(owner)
    assert sum(each["count"] for each in found) == 400
    assert len(found) <= 20 + 8 + 1, "those that come in the same moment as the twentieth may be named, too"
    assert next(each["count"] for each in found if not each["network"]) > 250


def test_one_account_keeps_so_many_rows_and_costs_no_other_any(log: SecurityLog, owner: Any) -> None:
    log.note(FAILED, "10.0.0.1", person_id=BEN)
    owner.execute(
        "INSERT INTO secrets.security_log (kind, person_id, network, hour, count, first_at, last_at)"
        " SELECT 'sign_in_failed', %s, '10.0.0.1', now() - n * interval '1 minute', 1, now(), now()"
        " FROM generate_series(1, 1500) n",
        [ANN],
    )
    log.note(FAILED, "10.0.0.2", person_id=ANN)
    assert len(rows(owner)) == 1_001
    assert rows(owner)[0]["person_id"] == BEN
    assert rows(owner)[-1]["network"] == "10.0.0.2"


def test_nothing_is_kept_for_ever(log: SecurityLog, owner: Any) -> None:
    log.note(FAILED, "10.0.0.1", person_id=ANN)
    age(owner, 91 * 24)
    log.note(FAILED, "10.0.0.1", person_id=BEN)
    assert [each["person_id"] for each in rows(owner)] == [BEN]


def test_what_is_due_is_told_once_when_its_hour_is_over(log: SecurityLog, owner: Any) -> None:
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.2"):
        log.note(FAILED, address, person_id=ANN)
    log.note(FAILED, "10.0.0.1")
    log.note(SecurityEventKind.REACHED_OUT, "10.0.0.1", person_id=ANN, organization_id=ACME)
    assert log.due(10) == []
    age(owner, 2)
    (failures,) = log.due(10)
    assert (failures.person_id, failures.kind, failures.failures) == (ANN, FAILED, 3)
    assert failures.first_at < failures.last_at
    log.told(failures)
    assert log.due(10) == []


def test_who_is_erased_takes_their_rows_along(log: SecurityLog, owner: Any, ledger: Databases) -> None:
    log.note(FAILED, "10.0.0.1", person_id=ANN)
    log.note(FAILED, "10.0.0.1", person_id=BEN)
    store = EventStore(ledger.app_url)
    try:
        hand = Hand(store, store.head().ledger)
        sides = [{"kind": "forget", "person_id": str(ANN)}]
        store.append([Append(uuid7(), b"", {"id": "x"}, hand.events(1), sides=sides)])
    finally:
        store.close()
    assert [each["person_id"] for each in rows(owner)] == [BEN]


def test_the_application_changes_it_by_no_other_way(pool: ConnectionPool) -> None:
    for query in ("DELETE FROM secrets.security_log", "UPDATE secrets.security_log SET count = 0"):
        with pool.connection() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(query.encode())
