"""Keys of persons, saved and brought back on the real database."""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import ConnectionPool
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from cli.exits import Stop
from cli.keys import restored, saved
from domain.model import Event
from domain.person import Person
from infra.config import Settings
from infra.embedded.passwords import write_private
from infra.keys import PersonKeys
from infra.keys_saved import last
from infra.migrate import migrate, migrate_keys
from infra.provision import APP
from infra.rotation import KeysAreInUse, beside, rotate, settled
from infra.wiring import master_key
from tests.ground import NOW, opened
from tests.servers import Databases

ANN, BEN = UUID(int=1), UUID(int=2)
ROW = '{"format": 1, "keys": [{"subject": "%s", "version": 1, "master": "m", "wrapped": "%s"}]}'
SHORT = (ROW % (ANN, "AAAA")).encode()
NOBODY = (ROW % ("ann", "AAAA")).encode()
NOT_64 = (ROW % (ANN, "AA!A")).encode()
NUL = (ROW % (ANN, "AAAA")).replace('"m"', '"\\u0000"').encode()


class Place:
    """A key database and the master key beside it."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        migrate_keys(databases.keys_owner_url, "vistory_keys")
        folder.mkdir()
        self.master = write_private(folder / "person-keys", os.urandom(32))
        self.url = databases.keys_url
        migrate(databases.owner_url, APP, uuid7())
        self.databases = databases
        ledger = SecretStr(databases.app_url)
        self.settings = Settings(
            database_url=ledger, keys_database_url=SecretStr(self.url), master_key_file=self.master
        )
        self.pool = ConnectionPool(self.url, min_size=1, open=True)

    def wrapped(self, subject: UUID) -> bytes:
        return master_key(self.master).wrap(subject, 1, os.urandom(32))

    def keys(self) -> PersonKeys:
        return PersonKeys(self.pool, master_key(self.master))


@pytest.fixture
def place(fresh_database: Callable[[], Databases], tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    made: list[Place] = []

    def make(name: str) -> Place:
        made.append(Place(fresh_database(), tmp_path / name))
        return made[-1]

    yield make
    for each in made:
        each.pool.close()


def test_keys_come_back_and_the_erased_stay_erased(place: Callable[[str], Place], tmp_path: Path) -> None:
    lost, new = place("lost"), place("new")
    ann, ben = lost.keys().seal(ANN, b"ann", b"here"), lost.keys().seal(BEN, b"ben", b"here")
    lost.keys().erase(BEN)
    made = saved(lost.settings, tmp_path / "one", tmp_path / "two")
    assert made["persons"] == 1
    restored(new.settings, Path(made["keys"]), Path(made["master_key"]))
    assert new.keys().open(ANN, ann, b"here") == b"ann"
    assert new.keys().open(BEN, ben, b"here") is None
    assert new.keys().open(BEN, new.keys().seal(BEN, b"again", b"here"), b"here") is None


def test_an_older_backup_brings_nobody_back_who_was_erased_since(place: Callable[[str], Place], tmp_path: Path) -> None:
    here = place("here")
    ann = here.keys().seal(ANN, b"ann", b"here")
    made = saved(here.settings, tmp_path / "one", tmp_path / "two")
    here.keys().erase(ANN)
    restored(here.settings, Path(made["keys"]), Path(made["master_key"]))
    assert here.keys().open(ANN, ann, b"here") is None


def test_a_backup_in_an_empty_place_brings_nobody_back_whom_the_ledger_says_is_erased(
    place: Callable[[str], Place], tmp_path: Path
) -> None:
    lost, new = place("lost"), place("new")
    ann, ben = lost.keys().seal(ANN, b"ann", b"here"), lost.keys().seal(BEN, b"ben", b"here")
    made = saved(lost.settings, tmp_path / "one", tmp_path / "two")
    with opened(new.databases) as ledger:
        person = Person.register(BEN, "ben@example.org", "Ben", "red-fox-1", uuid7(), NOW)
        person.erase(NOW)
        ledger.append([ledger.stored(event) for event in person.pending_events if isinstance(event, Event)])
    restored(new.settings, Path(made["keys"]), Path(made["master_key"]))
    assert new.keys().open(ANN, ann, b"here") == b"ann"
    assert new.keys().open(BEN, ben, b"here") is None


def test_under_a_new_master_key_all_is_read_as_before_and_an_older_backup_opens_nothing(
    place: Callable[[str], Place], tmp_path: Path
) -> None:
    here = place("here")
    ann, ben = here.keys().seal(ANN, b"ann", b"here"), here.keys().seal(BEN, b"ben", b"here")
    made = saved(here.settings, tmp_path / "one", tmp_path / "two")
    here.keys().erase(BEN)
    here.pool.close()
    assert rotate(here.url, here.master) == 1
    here.pool = ConnectionPool(here.url, min_size=1, open=True)
    assert here.keys().open(ANN, ann, b"here") == b"ann"
    assert here.keys().open(BEN, ben, b"here") is None
    write_private(Path(made["master_key"]), here.master.read_bytes())
    with pytest.raises(Stop, match="does not open"):
        restored(place("new").settings, Path(made["keys"]), Path(made["master_key"]))


def test_while_somebody_uses_the_keys_none_is_wrapped_anew(place: Callable[[str], Place]) -> None:
    here = place("here")
    ann = here.keys().seal(ANN, b"ann", b"here")
    with pytest.raises(KeysAreInUse):
        rotate(here.url, here.master)
    assert here.keys().open(ANN, ann, b"here") == b"ann"
    assert not beside(here.master).exists()


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_rotation_that_was_cut_off_is_settled_by_what_opens_the_keys(
    place: Callable[[str], Place], wrapped: bool
) -> None:
    here = place("here")
    ann, old = here.keys().seal(ANN, b"ann", b"here"), here.master.read_bytes()
    here.pool.close()
    if wrapped:
        rotate(here.url, here.master)
    new = here.master.read_bytes() if wrapped else os.urandom(32)
    write_private(beside(here.master), new)
    write_private(here.master, old)
    here.pool = ConnectionPool(here.url, min_size=1, open=True)
    with here.pool.connection() as connection:
        assert settled(connection, here.master).key == (new if wrapped else old)
    assert not beside(here.master).exists()
    assert here.keys().open(ANN, ann, b"here") == b"ann"


def test_keys_in_use_are_not_overrun_by_another_master_key(place: Callable[[str], Place], tmp_path: Path) -> None:
    lost, busy = place("lost"), place("busy")
    lost.keys().seal(ANN, b"ann", b"here")
    ben = busy.keys().seal(BEN, b"ben", b"here")
    made = saved(lost.settings, tmp_path / "one", tmp_path / "two")
    with pytest.raises(Stop, match="another master key"):
        restored(busy.settings, Path(made["keys"]), Path(made["master_key"]))
    assert busy.keys().open(BEN, ben, b"here") == b"ben"


def test_a_master_key_that_does_not_fit_is_refused(place: Callable[[str], Place], tmp_path: Path) -> None:
    lost = place("lost")
    lost.keys().seal(ANN, b"ann", b"here")
    made = saved(lost.settings, tmp_path / "one", tmp_path / "two")
    with pytest.raises(Stop, match="does not open"):
        restored(lost.settings, Path(made["keys"]), write_private(tmp_path / "person-keys", os.urandom(32)))


def test_the_two_files_never_go_to_one_folder(place: Callable[[str], Place], tmp_path: Path) -> None:
    with pytest.raises(Stop, match="two folders"):
        saved(place("here").settings, tmp_path / "one", tmp_path / "one")


def test_both_files_are_for_their_owner_only(place: Callable[[str], Place], tmp_path: Path) -> None:
    made = saved(place("here").settings, tmp_path / "one", tmp_path / "two")
    assert {Path(made[name]).stat().st_mode & 0o777 for name in ("keys", "master_key")} == {0o600}
    assert json.loads(Path(made["keys"]).read_text())["keys"] == []


def test_what_is_noted_as_saved_is_in_the_backup(place: Callable[[str], Place], tmp_path: Path) -> None:
    here = place("here")
    data = tmp_path / "data"
    (data / "run").mkdir(parents=True)
    settings = here.settings.model_copy(update={"data": data})
    with ThreadPoolExecutor(2) as beside, psycopg.connect(here.url) as open_still:
        open_still.execute(INSERT, (ANN, here.wrapped(ANN)))
        backup = beside.submit(saved, settings, tmp_path / "one", tmp_path / "two")
        waits(here, "LOCK TABLE")
        later = beside.submit(insert, here, BEN)
        waits(here, "INSERT")
        open_still.commit()
        made = backup.result()
        later.result()
    with psycopg.connect(here.url) as connection:
        rows = connection.execute("SELECT subject, created_at FROM person_keys").fetchall()
    moment = last(data)
    assert moment is not None
    kept = {UUID(row["subject"]) for row in json.loads(Path(made["keys"]).read_text())["keys"]}
    assert {subject for subject, created in rows if created <= moment} == kept == {ANN}


INSERT = "INSERT INTO person_keys (subject, version, master, wrapped) VALUES (%s, 1, 'person-keys', %s)"


def insert(place: Place, subject: UUID) -> None:
    with psycopg.connect(place.url) as connection:
        connection.execute("SELECT 1")
        connection.execute(INSERT, (subject, place.wrapped(subject)))


def waits(place: Place, words: str) -> None:
    """Until somebody stands in line with these words."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    deadline = time.monotonic() + 20
    with psycopg.connect(place.url, autocommit=True) as connection:
        while connection.execute(asked, (f"{words}%",)).fetchone() == (0,):
            assert time.monotonic() < deadline, f"nobody waits with {words}"
            time.sleep(0.01)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[]",
        b'{"format": 1, "keys": [7]}',
        b'{"format": 2, "keys": []}',
        SHORT,
        NOBODY,
        NOT_64,
        NUL,
    ],
)
def test_a_damaged_backup_is_refused_and_nothing_is_changed(
    content: bytes, place: Callable[[str], Place], tmp_path: Path
) -> None:
    here = place("here")
    ann = here.keys().seal(ANN, b"ann", b"here")
    with pytest.raises(Stop, match=r"damaged|does not open"):
        restored(here.settings, write_private(tmp_path / "damaged", content), here.master)
    assert here.keys().open(ANN, ann, b"here") == b"ann"


def test_a_master_key_cut_short_opens_nothing(place: Callable[[str], Place], tmp_path: Path) -> None:
    here = place("here")
    here.keys().seal(ANN, b"ann", b"here")
    made = saved(here.settings, tmp_path / "one", tmp_path / "two")
    cut = write_private(tmp_path / "cut", here.master.read_bytes()[:7])
    with pytest.raises(Stop, match="7 bytes, not 32"):
        restored(here.settings, Path(made["keys"]), cut)


@pytest.mark.parametrize("backup", ["of another place", "of nobody"])
def test_where_the_master_key_is_lost_no_other_takes_its_place(
    backup: str, place: Callable[[str], Place], tmp_path: Path
) -> None:
    here, other = place("here"), place("other")
    ann = here.keys().seal(ANN, b"ann", b"here")
    if backup == "of another place":
        other.keys().seal(BEN, b"ben", b"here")
    right = saved(here.settings, tmp_path / "one", tmp_path / "two")
    foreign = saved(other.settings, tmp_path / "three", tmp_path / "four")
    here.master.unlink()
    with pytest.raises(Stop, match="another master key"):
        restored(here.settings, Path(foreign["keys"]), Path(foreign["master_key"]))
    assert not here.master.exists()
    assert restored(here.settings, Path(right["keys"]), Path(right["master_key"])) == {"keys": 0}
    assert here.keys().open(ANN, ann, b"here") == b"ann"


def test_a_master_key_that_nothing_proves_takes_no_place(place: Callable[[str], Place], tmp_path: Path) -> None:
    here, other = place("here"), place("other")
    foreign = saved(other.settings, tmp_path / "one", tmp_path / "two")
    here.master.unlink()
    with pytest.raises(Stop, match="proven"):
        restored(here.settings, Path(foreign["keys"]), Path(foreign["master_key"]))
    assert not here.master.exists()


def test_keys_that_were_made_since_the_backup_prove_the_master_key_too(
    place: Callable[[str], Place], tmp_path: Path
) -> None:
    here = place("here")
    here.keys().seal(ANN, b"ann", b"here")
    made = saved(here.settings, tmp_path / "one", tmp_path / "two")
    ben = here.keys().seal(BEN, b"ben", b"here")
    here.master.unlink()
    restored(here.settings, Path(made["keys"]), Path(made["master_key"]))
    assert here.keys().open(BEN, ben, b"here") == b"ben"


def test_what_no_master_key_opens_is_not_saved_as_if_it_were_good(
    place: Callable[[str], Place], tmp_path: Path
) -> None:
    here = place("here")
    here.keys().seal(ANN, b"ann", b"here")
    write_private(here.master, os.urandom(32))
    with pytest.raises(Stop, match="nothing is saved"):
        saved(here.settings, tmp_path / "one", tmp_path / "two")
    assert not (tmp_path / "one").exists()
