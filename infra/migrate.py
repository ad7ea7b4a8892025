"""Brings the databases to today's shape: forward only, and safe when two do it at once."""

from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from infra import locks

# Of what is personal no statistics are kept, which would hold examples of it. So it is with every read model's.
_QUIET = "ALTER TABLE secrets.security_log ALTER COLUMN network SET STATISTICS 0"


_OF_ANOTHER = (
    "{} is not the script that made this database, or is unknown here: it belongs to another version of Vistory; "
    "start that version on it, or this one on an empty database"
)


class MigrationHasChanged(Exception):
    """What made this database is not what would make it now."""

    exit_code = 78  # EX_CONFIG


def migrate(owner_url: str, app_role: str, ledger: UUID) -> None:
    """Make schemas, roles' rights and the ledger's head in the database named by `owner_url`."""
    with psycopg.connect(owner_url) as connection:
        _apply(connection, "", app_role)
        connection.execute(_QUIET)
        connection.execute(
            "INSERT INTO ledger.head (ledger, generation, position, chain, recorded_at)"
            " VALUES (%(ledger)s, 1, 0, ledger.genesis(%(ledger)s), 'epoch') ON CONFLICT DO NOTHING",
            {"ledger": ledger},
        )


def migrate_keys(owner_url: str, keys_role: str) -> None:
    with psycopg.connect(owner_url) as connection:
        _apply(connection, "keys", keys_role)


def _apply(connection: psycopg.Connection, folder: str, role: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (locks.MIGRATE,))
    connection.execute("CREATE TABLE IF NOT EXISTS public.migrations (name text PRIMARY KEY, applied_at timestamptz)")
    connection.execute("ALTER TABLE public.migrations ADD COLUMN IF NOT EXISTS sha256 text")
    done: dict[str, str | None] = dict(connection.execute("SELECT name, sha256 FROM public.migrations").fetchall())
    scripts = _scripts(folder)
    if others := done.keys() - {script.name for script in scripts}:
        raise MigrationHasChanged(_OF_ANOTHER.format(min(others)))
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        hash = sha256(text.encode()).hexdigest()
        if done.get(script.name, hash) != hash:
            raise MigrationHasChanged(_OF_ANOTHER.format(script.name))
        if script.name not in done:
            _run(connection, text, role)
            connection.execute("INSERT INTO public.migrations VALUES (%s, now(), %s)", (script.name, hash))


def _scripts(folder: str) -> list[Traversable]:
    home = files("infra").joinpath("migrations")
    scripts = (home / folder if folder else home).iterdir()
    return sorted((each for each in scripts if each.name.endswith(".sql")), key=lambda each: each.name)


def _run(connection: psycopg.Connection, text: str, role: str) -> None:
    database = conninfo_to_dict(connection.info.dsn)["dbname"]
    for mark, name in {"{app}": role, "{database}": str(database)}.items():
        text = text.replace(mark, sql.Identifier(name).as_string(connection))
    connection.execute(text.encode())
