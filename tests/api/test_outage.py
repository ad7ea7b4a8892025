"""What is away for a moment is told as such, so that whoever asked tries again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from typing import Final
from urllib.parse import urlsplit

import psycopg
from fastapi.testclient import TestClient
from psycopg.conninfo import conninfo_to_dict
from uuid_utils.compat import uuid7

from api import create_app
from infra.config import Settings
from infra.embedded.nats import Nats
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from tests.api.folders import listed, push, scenes
from tests.api.visitor import Visitor, good
from tests.faults.proxy import Proxy
from tests.servers import Databases, Servers

# More than handlers have threads.
MANY: Final = 60


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


def test_what_is_asked_before_the_projector_has_made_its_tables_may_be_asked_again(
    servers: Servers, nats: Nats, fresh_database: Callable[[], Databases]
) -> None:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    with TestClient(create_app(servers.settings("api", databases, nats))) as client:
        answer = Visitor(client).register()("GET", "/projects")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_while_the_object_store_hangs_nobody_waits_who_needs_nothing_of_it(
    settings: Settings, holding: Event, ann: Visitor
) -> None:
    assert not holding.is_set()
    dataset = ann.post("/datasets", {"name": "Digits"})["id"]
    push(ann, dataset, scenes())
    url = settings.need("s3_url")
    with (
        Proxy(urlsplit(url).port or 0) as road,
        TestClient(create_app(settings.model_copy(update={"s3_url": road.instead(url)}))) as client,
        ThreadPoolExecutor(MANY) as pool,
    ):
        visitor = Visitor(client, ann.token)
        with road.silent():
            waiting = [pool.submit(visitor, "GET", f"/datasets/{dataset}/report") for _ in range(MANY)]
            for path in ("/projects", "/auth/me"):
                assert visitor("GET", path).is_success
            assert client.get("/ready").is_success
            assert not any(each.done() for each in waiting)
        assert {each.result().status_code for each in waiting} == {200}


def test_while_the_object_store_is_away_what_needs_it_may_be_asked_again_and_the_api_starts_all_the_same(
    settings: Settings, holding: Event
) -> None:
    assert not holding.is_set()
    url = settings.need("s3_url")
    with Proxy(urlsplit(url).port or 0) as road, ExitStack() as stack:
        with road.cut():
            client = stack.enter_context(
                TestClient(create_app(settings.model_copy(update={"s3_url": road.instead(url)})))
            )
            admin = Visitor(client).register()
            dataset = admin.post("/datasets", {"name": "Digits"})["id"]
            upload = f"/datasets/{dataset}/uploads/{admin.post(f'/datasets/{dataset}/uploads')['id']}"
            refused = admin("POST", f"{upload}/files", {"files": listed(scenes())})
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert admin.get(f"/datasets/{dataset}")["name"] == "Digits"
        assert admin.post(f"{upload}/files", {"files": listed(scenes())})["missing"]
        assert push(admin, dataset, scenes())["revision"] == 1
