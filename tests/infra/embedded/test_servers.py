"""The rooms that tests are given are real, empty and their own."""

import asyncio
from collections.abc import Callable

import nats
import psycopg
import pytest
from obstore.store import S3Store
from uuid_utils.compat import uuid7

from infra import nats_users
from infra.embedded.objects import BUCKETS
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from tests.servers import Databases, Servers

Fresh = Callable[[], Databases]


def test_an_empty_database_may_be_filled_by_its_owner(servers: Servers) -> None:
    databases = servers.empty_database()
    with psycopg.connect(databases.owner_url) as owner:
        owner.execute("CREATE SCHEMA ledger")
    with psycopg.connect(databases.keys_owner_url) as owner:
        owner.execute("CREATE TABLE keys ()")
    servers.drop(databases)


def test_a_fresh_database_grants_what_the_scripts_grant(servers: Servers, fresh_database: Fresh) -> None:
    fresh, made = fresh_database(), servers.empty_database()
    migrate(made.owner_url, APP, uuid7())
    migrate_keys(made.keys_owner_url, KEYS)
    with psycopg.connect(servers.parts.admin_url) as admin:
        assert [granted(admin, name) for name in fresh.pair] == [granted(admin, name) for name in made.pair]
    servers.drop(made)


def granted(admin: psycopg.Connection, database: str) -> set[str]:
    found = admin.execute("SELECT unnest(datacl)::text FROM pg_database WHERE datname = %s", [database])
    return {grant for (grant,) in found}


def test_a_role_enters_only_its_own_database(fresh_database: Fresh) -> None:
    databases = fresh_database()
    psycopg.connect(databases.app_url).close()
    psycopg.connect(databases.keys_url).close()
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(databases.app_url.replace(databases.names.ledger, databases.names.keys))


def test_a_fresh_nats_has_no_stream(servers: Servers) -> None:
    async def streams(url: str) -> int:
        client = await nats.connect(url, inbox_prefix=nats_users.inbox("admin").encode())
        try:
            return len(await client.jetstream().streams_info())
        finally:
            await client.close()

    with servers.fresh_nats() as fresh:
        assert asyncio.run(streams(fresh.url("admin"))) == 0


def test_whether_objects_are_taken_is_tried_without_a_trace(servers: Servers) -> None:
    keys = servers.parts.s3_keys(BUCKETS[0])
    store = S3Store(
        BUCKETS[0], endpoint=servers.parts.s3_url, region="us-east-1", virtual_hosted_style_request=False,
        access_key_id=keys.access, secret_access_key=keys.secret, client_options={"allow_http": True},
    )  # fmt: skip
    with pytest.raises(FileNotFoundError):
        store.head("probe")


def test_objects_are_stored_with_what_a_process_is_told(servers: Servers) -> None:
    settings = servers.settings("api")
    store = S3Store(
        settings.s3_bucket,
        endpoint=settings.need("s3_url"),
        access_key_id=settings.need("s3_access_key"),
        secret_access_key=settings.need("s3_secret_key"),
        region=settings.s3_region,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    store.put("orgs/one/blobs/x", b"bytes")
    assert bytes(store.get("orgs/one/blobs/x").bytes()) == b"bytes"
