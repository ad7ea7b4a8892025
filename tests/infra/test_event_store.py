from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import psycopg
import pytest
from psycopg import sql
from uuid_utils.compat import uuid7

import verifier
from infra.event_store import EventStore, UnsafeSetting
from infra.ledger import Append
from infra.migrate import MigrationHasChanged, migrate
from infra.provision import APP
from tests.ground import Ground, ground
from tests.servers import Databases, Servers

MakeDatabase = Callable[..., Databases]


@pytest.fixture
def ledger(fresh_database: MakeDatabase) -> Iterator[Ground]:
    with ground(fresh_database()) as ready:
        yield ready


def verified(ledger: Ground) -> verifier.Verified:
    with verifier.stored(ledger.databases.app_url) as history:
        return verifier.verify(history)


def test_eight_writers_who_conflict_leave_no_gap_and_one_chain(ledger: Ground) -> None:
    histories = [ledger.events(60) for _ in range(3)]

    def writer(seed: int) -> list[str]:
        chance = Random(seed)
        return [step(chance) for _ in range(60)]

    def step(chance: Random) -> str:
        history = chance.choice(histories)
        version = len(ledger.ledger.events_of(history[0].originator_id))
        return ledger.append(history[version : version + 1] or ledger.events(1)).verdict

    with ThreadPoolExecutor(8) as writers:
        verdicts = [verdict for said in writers.map(writer, range(8)) for verdict in said]
    accepted = verdicts.count("accepted")
    assert set(verdicts) == {"accepted", "conflict"}
    rows = ledger.ledger.read(0, 1_000)
    assert [row.position for row in rows] == list(range(1, accepted + 1))
    assert [row.recorded_at for row in rows] == sorted(row.recorded_at for row in rows)
    assert verified(ledger).events == ledger.ledger.head().position == accepted


def test_a_tail_reader_never_misses_an_event_of_eight_writers(ledger: Ground) -> None:
    seen: list[int] = []
    with ThreadPoolExecutor(8) as writers:
        writing = [writers.submit(ledger.write, 100, 2) for _ in range(8)]
        while not all(w.done() for w in writing) or len(seen) < ledger.ledger.head().position:
            seen += [row.position for row in ledger.ledger.read(seen[-1] if seen else 0, 50)]
    assert seen == list(range(1, 801))


def test_whatever_it_is_asked_for_is_planned_once(ledger: Ground) -> None:
    for _ in range(10):
        ledger.write(1)
        ledger.ledger.events_of_each({uuid7(): 0, uuid7(): 0}, 9)
    with ledger.ledger.datastore.get_connection() as connection:
        planned = connection.execute("SELECT custom_plans AS anew, generic_plans AS kept FROM pg_prepared_statements")
        assert {(row["anew"], row["kept"] > 0) for row in planned} == {(0, True)}


def test_an_append_that_fails_half_way_leaves_no_gap(ledger: Ground) -> None:
    ledger.write(2)
    side = {"kind": "no such room"}
    with pytest.raises(Exception, match="side_no such room"):
        ledger.ledger.append([Append(uuid7(), b"", {"id": "x"}, ledger.events(2), sides=[side])])
    ledger.write(1)
    assert verified(ledger).events == 3


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ledger.events SELECT * FROM ledger.events",
        "UPDATE ledger.events SET topic = 'x'",
        "DELETE FROM ledger.events",
        "TRUNCATE ledger.events",
        "UPDATE ledger.head SET position = 0",
        "DELETE FROM ledger.commands",
        "INSERT INTO secrets.passwords VALUES (gen_random_uuid(), 'x')",
        "DELETE FROM secrets.email_index",
        "SELECT ledger.write_side('{}')",
        "SELECT ledger.side_email('{}')",
        "ALTER TABLE ledger.events DISABLE TRIGGER ALL",
        "DROP TABLE ledger.events",
        "CREATE FUNCTION ledger.append() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE TABLE ledger.other ()",
        "CREATE TEMP TABLE events ()",
    ],
)
def test_the_application_has_no_way_in_but_the_door(ledger: Ground, statement: str) -> None:
    ledger.write(1)
    with (
        psycopg.connect(ledger.databases.app_url) as application,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        application.execute(statement.encode())


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger.events SET topic = 'x'", "DELETE FROM ledger.events", "TRUNCATE ledger.events"]
)
def test_even_the_owner_cannot_change_history_by_mistake(ledger: Ground, statement: str) -> None:
    ledger.write(1)
    with (
        psycopg.connect(ledger.databases.owner_url) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute(statement.encode())


def test_the_door_cannot_be_led_to_other_tables(ledger: Ground) -> None:
    with psycopg.connect(ledger.databases.app_url, autocommit=True) as application:
        application.execute("CREATE TABLE work.events (LIKE ledger.events)")
        application.execute("SET search_path = work, ledger")
        (events,) = ledger.events(1)
        application.execute(
            "SELECT ledger.append(ARRAY[%s]::uuid[], ARRAY['']::bytea[], ARRAY['{}']::jsonb[], ARRAY[1],"
            " ARRAY[%s]::uuid[], ARRAY[1]::bigint[], ARRAY[%s]::text[], ARRAY[%b]::bytea[],"
            " '{}', '{}', '{}', '{}', '{}')",
            (uuid7(), events.originator_id, events.topic, events.state),
        )
        found = application.execute("SELECT count(*) FROM work.events").fetchone()
    assert found == (0,)
    assert ledger.ledger.head().position == 1


@pytest.mark.parametrize("value", ["y", "yes", "TRUE", "1", "on"])
def test_the_store_refuses_to_open_with_the_library_s_own_functions(
    ledger: Ground, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("POSTGRES_ENABLE_DB_FUNCTIONS", value)
    with pytest.raises(UnsafeSetting, match="unset it"):
        EventStore(ledger.databases.app_url)


def test_two_migrations_at_once_make_one_ledger(servers: Servers) -> None:
    databases = servers.empty_database()
    with ThreadPoolExecutor(2) as hands:
        for done in [hands.submit(migrate, databases.owner_url, APP, uuid7()) for _ in range(2)]:
            done.result()
    with psycopg.connect(databases.owner_url) as owner:
        heads = owner.execute("SELECT position FROM ledger.head").fetchall()
        again = owner.execute(sql.SQL("SELECT name FROM public.migrations")).fetchall()
    servers.drop(databases)
    assert heads == [(0,)]
    assert len(again) == len(set(again))


def test_a_database_that_a_script_made_which_is_not_there_is_refused(fresh_database: MakeDatabase) -> None:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    with psycopg.connect(databases.owner_url) as owner:
        owner.execute("INSERT INTO public.migrations VALUES ('9999_later.sql', now(), %s)", ("0" * 64,))
    with pytest.raises(MigrationHasChanged, match=r"9999_later\.sql .* unknown here"):
        migrate(databases.owner_url, APP, uuid7())


@pytest.mark.parametrize("sha256", ["0" * 64, None], ids=["another script", "a version that noted none"])
def test_a_database_that_another_script_made_is_refused(fresh_database: MakeDatabase, sha256: str | None) -> None:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    with psycopg.connect(databases.owner_url) as owner:
        owner.execute("UPDATE public.migrations SET sha256 = %s WHERE name = '0001_ledger.sql'", (sha256,))
    with pytest.raises(MigrationHasChanged, match=r"0001_ledger\.sql is not the script"):
        migrate(databases.owner_url, APP, uuid7())
