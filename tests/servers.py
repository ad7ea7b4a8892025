"""Real PostgreSQL, NATS and object storage for the tests, and fresh rooms in them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from uuid_utils.compat import uuid7

from infra import nats_users
from infra.config import Settings
from infra.embedded import FRAMEWORKS, Stack
from infra.embedded.child import Child
from infra.embedded.nats import Nats
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS, OWNER, Names, ensure_database


@dataclass(frozen=True)
class Databases:
    """A pair of databases of one's own: their names, and how each role reaches them."""

    names: Names
    owner_url: str
    app_url: str
    keys_owner_url: str
    keys_url: str
    admin_url: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.names.ledger, self.names.keys


class Servers:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._numbers = count(1)
        self.parts = stack.parts

    def trust_the_power(self) -> None:
        """What PostgreSQL writes goes to the disk when it may: a loss of power would tell, a kill does not."""
        with psycopg.connect(self.parts.admin_url, autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("SELECT pg_reload_conf()")

    @cached_property
    def _blank(self) -> Databases:
        blank = self.empty_database()
        migrate(blank.owner_url, APP, uuid7())
        migrate_keys(blank.keys_owner_url, KEYS)
        with psycopg.connect(blank.owner_url) as owner:
            owner.execute("DELETE FROM ledger.head")
        return blank

    def fresh_database(self, like: Databases | None = None) -> Databases:
        """Two databases (ledger and person keys) of today's shape in which no ledger has begun, or copies of a pair.

        Nobody may be connected to what is copied: a copy is made in a tenth of the time that the scripts take.
        """
        return self._pair(like or self._blank)

    def empty_database(self) -> Databases:
        """Two databases that no script has seen."""
        return self._pair(None)

    def _pair(self, like: Databases | None) -> Databases:
        number = next(self._numbers)
        names = Names(f"test_{number}", f"test_{number}_keys", "mlflow")
        with psycopg.connect(self.parts.admin_url, autocommit=True) as admin:
            if like:
                for old, new in zip(like.pair, (names.ledger, names.keys), strict=True):
                    copy(admin, old, new)
            ensure_database(admin, names.ledger, OWNER, reached_by=(APP,))
            ensure_database(admin, names.keys, OWNER, reached_by=(KEYS,))
            if like:
                admin.execute(f"GRANT CREATE ON DATABASE {names.ledger} TO {APP}")
        return Databases(
            names,
            owner_url=self.parts.database_url(OWNER, names.ledger),
            app_url=self.parts.database_url(APP, names.ledger),
            keys_owner_url=self.parts.keys_database_url(OWNER, names.keys),
            keys_url=self.parts.keys_database_url(KEYS, names.keys),
            admin_url=self.parts.admin_url,
        )

    def drop(self, databases: Databases) -> None:
        with psycopg.connect(self.parts.admin_url, autocommit=True) as admin:
            for name in databases.pair:
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def fresh_nats(self, frameworks: tuple[str, ...] = FRAMEWORKS, room: str = "") -> Iterator[Nats]:
        """A server of one's own, with the same users and no stream; it is up in a tenth of a second."""
        name = f"nats-{next(self._numbers)}"
        home = self.stack.folder / "run" / name
        home.mkdir(mode=0o700)
        users = nats_users.users(frameworks)
        nats = Nats(home, self.stack.ports[name], self.stack.passwords, users, name)
        with self.stack.supervised([with_room(nats.child(), room) if room else nats.child()]):
            yield nats

    def settings(self, process: str, databases: Databases | None = None, nats: Nats | None = None) -> Settings:
        """What `process` would be told, in these rooms."""
        told = self.stack.told
        if databases:
            told = replace(told, names=databases.names)
        if nats:
            told = replace(told, parts=replace(told.parts, nats=nats))
        return Settings.model_validate(told.settings_for(process))


def with_room(child: Child, room: str) -> Child:
    """A server that takes the disk for one on which only so much is free."""
    prepare, configuration = child.prepare, child.cwd / "server.conf"

    def limit() -> None:
        prepare()
        text = configuration.read_text().replace("jetstream {\n", f"jetstream {{\n  max_file_store: {room}\n")
        configuration.write_text(text)

    return replace(child, prepare=limit)


def copy(admin: psycopg.Connection, old: str, new: str) -> None:
    admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
            sql.Identifier(new), sql.Identifier(old), sql.Identifier(OWNER)
        )
    )


@contextmanager
def data_folder() -> Iterator[Path]:
    """A temporary one that PostgreSQL's user may pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="vistory-test-"))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_servers() -> Iterator[Servers]:
    with data_folder() as folder, Stack(folder, settings=Settings()) as stack:
        stack.start_servers(mlflow=False)
        yield Servers(stack)
