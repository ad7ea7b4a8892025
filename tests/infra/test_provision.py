"""The narrow roles, made from an administrator's URL."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from infra.embedded.folder import DataFolder
from infra.embedded.postgres import Postgres
from infra.provision import ROLES, provision, url_for
from tests.servers import Servers, data_folder


@pytest.fixture
def passwords(servers: Servers) -> dict[str, str]:
    return {role: servers.stack.passwords[f"postgres-{role}"] for role in ROLES}


def test_provisioning_again_changes_nothing(servers: Servers, passwords: dict[str, str]) -> None:
    provision(servers.parts.admin_url, passwords)
    provision(servers.parts.admin_url, passwords)
    for role, database in [("vistory_app", "vistory"), ("vistory_keys", "vistory_keys"), ("mlflow", "mlflow")]:
        psycopg.connect(url_for(role, passwords[role], database, servers.parts.admin_url)).close()


def test_no_narrow_role_may_more_than_its_work(servers: Servers, passwords: dict[str, str]) -> None:
    provision(servers.parts.admin_url, passwords)
    with psycopg.connect(servers.parts.admin_url) as admin:
        powers = "rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
        mighty = admin.execute(f"SELECT rolname FROM pg_roles WHERE ({powers}) AND rolname = ANY(%s)", [list(ROLES)])
        assert mighty.fetchall() == []


@pytest.fixture
def own_postgres(servers: Servers) -> Iterator[Postgres]:
    with data_folder() as path:
        folder = DataFolder(path)
        folder.make()
        postgres = Postgres(folder, servers.stack.ports["own-postgres"], "administrator")
        with servers.stack.supervised([replace(postgres.child(), name="own-postgres")]):
            yield postgres


def test_an_administrator_need_not_be_a_superuser(own_postgres: Postgres) -> None:
    with psycopg.connect(own_postgres.admin_url) as admin:
        admin.execute("CREATE ROLE cloud LOGIN CREATEDB CREATEROLE PASSWORD 'sky'")
    url, lent = own_postgres.url("cloud", "sky", "postgres"), {role: f"lent to {role}" for role in ROLES}
    for _ in range(2):
        provision(url, lent)
    with psycopg.connect(url_for("vistory_owner", lent["vistory_owner"], "vistory", url)) as owner:
        owner.execute("CREATE SCHEMA ledger")
    psycopg.connect(url_for("vistory_app", lent["vistory_app"], "vistory", url)).close()


def test_an_address_keeps_its_options() -> None:
    admin = "postgresql://root:s%40cret@db.example:6000/postgres?sslmode=require"
    assert url_for("app", "p/w", "vistory", admin) == "postgresql://app:p%2Fw@db.example:6000/vistory?sslmode=require"
