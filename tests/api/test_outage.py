"""What is away for a moment is told as such, so that whoever asked tries again."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from infra.config import Settings
from tests.api.visitor import Visitor, good
from tests.servers import Servers


def test_a_database_that_drops_its_connections_costs_a_try_and_no_more(
    ann: Visitor, servers: Servers, settings: Settings
) -> None:
    database = conninfo_to_dict(settings.need("database_url"))["dbname"]
    for method, path, body in (("GET", "/projects", None), ("POST", "/projects", {"name": "P"})):
        with psycopg.connect(servers.parts.admin_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
        answers = [ann(method, path, body, key="again" if body else None) for _ in range(12)]
        assert {answer.status_code for answer in answers} <= {200, 201, 503}
        assert good(answers[-1]).headers["X-Request-Id"]
