"""Makes the narrow roles and the empty databases, from an administrator's URL; the migrations fill them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from infra import locks

OWNER, APP, KEYS, MLFLOW = "vistory_owner", "vistory_app", "vistory_keys", "mlflow"
ROLES = (OWNER, APP, KEYS, MLFLOW)


@dataclass(frozen=True)
class Names:
    """What the databases are called."""

    ledger: str = "vistory"
    keys: str = "vistory_keys"
    mlflow: str = "mlflow"


def provision(admin_url: str, passwords: Mapping[str, str], names: Names | None = None) -> None:
    """Roles (with these passwords, by role) and databases; done again it changes nothing but passwords."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [locks.PROVISION])
        for role in ROLES:
            ensure_role(admin, role, passwords[role])
        # The owner makes schemas that the application then owns, which only a member may.
        admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(APP), sql.Identifier(OWNER)))
        ensure_databases(admin, names or Names())


def ensure_role(admin: psycopg.Connection, role: str, password: str) -> None:
    """The server is given a verifier, never the password, so that no log can show it."""
    name = sql.Identifier(role)
    if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        # An administrator who is no superuser may make a database only for a role it is a member of.
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier)))


def ensure_databases(admin: psycopg.Connection, names: Names) -> None:
    ensure_database(admin, names.ledger, OWNER, reached_by=(APP,))
    ensure_database(admin, names.keys, OWNER, reached_by=(KEYS,))
    ensure_database(admin, names.mlflow, MLFLOW, reached_by=())


def ensure_database(admin: psycopg.Connection, name: str, owner: str, reached_by: tuple[str, ...]) -> None:
    """Nobody enters but its owner and those named."""
    database, role = sql.Identifier(name), sql.Identifier(owner)
    if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for guest in reached_by:
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(guest)))


def url_for(role: str, password: str, database: str, admin_url: str) -> str:
    """The same server as the administrator's, for a narrow role."""
    address = urlsplit(admin_url)
    server = address.netloc.rpartition("@")[2]
    return address._replace(netloc=f"{role}:{quote(password, safe='')}@{server}", path=f"/{database}").geturl()
