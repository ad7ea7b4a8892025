"""Brings the databases to today's shape: forward only, and safe when two do it at once."""

from importlib.resources import files
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

_LOCK = 7306087


def migrate(owner_url: str, app_role: str, ledger: UUID) -> None:
    """Make schemas, roles' rights and the ledger's head in the database named by `owner_url`."""
    with psycopg.connect(owner_url) as connection:
        _apply(connection, "", app_role)
        connection.execute(
            "INSERT INTO ledger.head (ledger, generation, position, chain, recorded_at)"
            " VALUES (%(ledger)s, 1, 0, ledger.genesis(%(ledger)s), 'epoch') ON CONFLICT DO NOTHING",
            {"ledger": ledger},
        )


def migrate_keys(owner_url: str, keys_role: str) -> None:
    with psycopg.connect(owner_url) as connection:
        _apply(connection, "keys", keys_role)


def _apply(connection: psycopg.Connection, folder: str, role: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    connection.execute("CREATE TABLE IF NOT EXISTS public.migrations (name text PRIMARY KEY, applied_at timestamptz)")
    done = {name for (name,) in connection.execute("SELECT name FROM public.migrations")}
    database = conninfo_to_dict(connection.info.dsn)["dbname"]
    home = files("infra").joinpath("migrations", folder) if folder else files("infra").joinpath("migrations")
    for script in sorted((f for f in home.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name):
        if script.name not in done:
            text = script.read_text(encoding="utf-8")
            names = {"{app}": role, "{database}": str(database)}
            for mark, name in names.items():
                text = text.replace(mark, sql.Identifier(name).as_string(connection))
            connection.execute(text.encode())
            connection.execute("INSERT INTO public.migrations VALUES (%s, now())", (script.name,))
