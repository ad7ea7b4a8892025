"""One suite for the Keyring port, on the double and on the real database."""

import os
import time
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidTag
from psycopg_pool import ConnectionPool

from infra.key_news import KeyNews
from infra.keys import Keyring, MasterKey, PersonKeys
from infra.migrate import migrate_keys
from tests.doubles import MemoryKeys
from tests.servers import Databases

ANN, BEN = UUID(int=1), UUID(int=2)


@pytest.fixture
def pool(fresh_database: Callable[[], Databases]) -> Iterator[ConnectionPool]:
    databases = fresh_database()
    migrate_keys(databases.keys_owner_url, "vistory_keys")
    with ConnectionPool(databases.keys_url, min_size=1, open=True) as pool:
        yield pool


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.connected)])
def keyring(request: pytest.FixtureRequest) -> Keyring:
    if request.param == "double":
        return MemoryKeys()
    return PersonKeys(request.getfixturevalue("pool"), MasterKey("m1", os.urandom(32)))


def test_what_is_sealed_can_be_opened(keyring: Keyring) -> None:
    sealed = keyring.seal(ANN, b"ann@example.org", b"here")
    assert keyring.open(ANN, sealed, b"here") == b"ann@example.org"


def test_the_same_text_is_never_sealed_alike(keyring: Keyring) -> None:
    assert keyring.seal(ANN, b"x", b"here")[1:] != keyring.seal(ANN, b"x", b"here")[1:]


def test_a_seal_is_good_in_its_own_place_only(keyring: Keyring) -> None:
    with pytest.raises(InvalidTag):
        keyring.open(ANN, keyring.seal(ANN, b"x", b"here"), b"there")


def test_nobody_opens_with_anothers_key(keyring: Keyring) -> None:
    keyring.seal(BEN, b"y", b"here")
    with pytest.raises(InvalidTag):
        keyring.open(BEN, keyring.seal(ANN, b"x", b"here"), b"here")


def test_erasing_one_person_leaves_the_others(keyring: Keyring) -> None:
    ann, ben = keyring.seal(ANN, b"x", b"here"), keyring.seal(BEN, b"y", b"here")
    keyring.erase(ANN)
    assert keyring.open(ANN, ann, b"here") is None
    assert keyring.open(BEN, ben, b"here") == b"y"


def test_about_an_erased_person_nothing_can_be_kept(keyring: Keyring) -> None:
    before = keyring.seal(ANN, b"x", b"here")
    keyring.erase(ANN)
    after = keyring.seal(ANN, b"y", b"here")
    assert (keyring.open(ANN, before, b"here"), keyring.open(ANN, after, b"here")) == (None, None)


def test_a_person_may_be_erased_before_anything_was_sealed(keyring: Keyring) -> None:
    keyring.erase(ANN)
    assert keyring.open(ANN, keyring.seal(ANN, b"x", b"here"), b"here") is None


def test_a_key_is_stored_wrapped(pool: ConnectionPool) -> None:
    master = MasterKey("m1", os.urandom(32))
    sealed = PersonKeys(pool, master).seal(ANN, b"x", b"here")
    assert PersonKeys(pool, master).open(ANN, sealed, b"here") == b"x"
    with pytest.raises(InvalidTag):
        PersonKeys(pool, MasterKey("m1", os.urandom(32))).open(ANN, sealed, b"here")


def test_a_wrapped_key_is_good_for_its_own_person(pool: ConnectionPool) -> None:
    keys = PersonKeys(pool, MasterKey("m1", os.urandom(32)))
    sealed = keys.seal(ANN, b"x", b"here")
    with pool.connection() as connection:
        connection.execute(
            "INSERT INTO person_keys (subject, version, master, wrapped)"
            " SELECT %s, version, master, wrapped FROM person_keys",
            (uuid4(),),
        )
        connection.execute("UPDATE person_keys SET subject = %s WHERE subject <> %s", (BEN, ANN))
    with pytest.raises(InvalidTag):
        keys.open(BEN, sealed, b"here")


def test_two_processes_mint_one_key(pool: ConnectionPool) -> None:
    master = MasterKey("m1", os.urandom(32))
    one, two = PersonKeys(pool, master), PersonKeys(pool, master)
    first, second = one.seal(ANN, b"x", b"here"), two.seal(ANN, b"y", b"here")
    assert (two.open(ANN, first, b"here"), one.open(ANN, second, b"here")) == (b"x", b"y")


def test_what_one_process_erases_no_other_remembers(fresh_database: Callable[[], Databases]) -> None:
    databases = fresh_database()
    migrate_keys(databases.keys_owner_url, "vistory_keys")
    master = MasterKey("m1", os.urandom(32))
    with ConnectionPool(databases.keys_url, min_size=1, open=True) as pool:
        here, there = PersonKeys(pool, master), PersonKeys(pool, master)
        with KeyNews(databases.keys_url, there):
            sealed = here.seal(ANN, b"x", b"here")
            until(lambda: there.open(ANN, sealed, b"here") == b"x" and there.remembered == 1)
            here.erase(ANN)
            until(lambda: there.remembered == 0)
            assert there.open(ANN, sealed, b"here") is None


def test_while_nobody_tells_who_is_erased_nothing_is_remembered(pool: ConnectionPool) -> None:
    keys = PersonKeys(pool, MasterKey("m1", os.urandom(32)))
    keys.open(ANN, keys.seal(ANN, b"x", b"here"), b"here")
    assert keys.remembered == 0
    keys.remember()
    keys.open(ANN, keys.seal(ANN, b"x", b"here"), b"here")
    assert keys.remembered == 1
    keys.forget_all()
    assert keys.remembered == 0


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.01)
