"""The embedded stack on its data folder: real servers that start, stop, come back and keep their secrets."""

import asyncio
import json
import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import nats
import psutil
import psycopg
import pytest
from obstore.store import S3Store
from pydantic import SecretStr

from infra.config import Settings
from infra.embedded import AlreadyRunning, Stack, State
from infra.embedded.child import StartFailed
from infra.embedded.parts import UnknownBusUser
from infra.nats_users import connect_options
from infra.post import speaks
from tests.infra.embedded.test_supervision import Seen, eventually
from tests.servers import data_folder

SERVERS = ("postgres", "nats", "objects", "mail")
MLFLOW_EXPERIMENTS = "/api/2.0/mlflow/experiments"


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="module")
def stack(seen: Seen) -> Iterator[Stack]:
    with data_folder() as folder, Stack(folder, settings=Settings(), on_event=seen) as running:
        running.start_servers()
        yield running


pytestmark = pytest.mark.connected


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_is_killed_comes_back_with_what_it_had(stack: Stack, seen: Seen, name: str) -> None:
    leave_a_trace(stack, name)
    before = seen.of(name).count(State.RESTARTED)
    os.kill(stack.pids()[name], signal.SIGKILL)
    assert eventually(lambda: seen.of(name).count(State.RESTARTED) > before, 20)
    assert has_all_traces(stack)


def leave_a_trace(stack: Stack, name: str) -> None:
    with psycopg.connect(stack.parts.database_url("vistory_owner", "vistory")) as owner:
        owner.execute("CREATE TABLE IF NOT EXISTS public.traces (name text)")
        owner.execute("INSERT INTO public.traces VALUES (%s)", [name])
    store_of(stack).put(f"traces/{name}", b"trace")


def has_all_traces(stack: Stack) -> bool:
    with psycopg.connect(stack.parts.database_url("vistory_owner", "vistory")) as owner:
        names = [name for (name,) in owner.execute("SELECT name FROM public.traces")]
    asyncio.run(greet(stack))
    assert speaks("127.0.0.1", stack.parts.mail_settings.at_port)
    return bool(names) and all(bytes(store_of(stack).get(f"traces/{name}").bytes()) == b"trace" for name in names)


async def greet(stack: Stack) -> None:
    client = await nats.connect(**connect_options(stack.parts.nats_url("admin")))
    try:
        await client.jetstream().account_info()
    finally:
        await client.close()


def store_of(stack: Stack, bucket: str = "vistory") -> S3Store:
    keys = stack.parts.s3_keys(bucket)
    return S3Store(
        bucket,
        endpoint=stack.parts.s3_url,
        access_key_id=keys.access,
        secret_access_key=keys.secret,
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def test_mlflow_keeps_experiments_in_the_database_and_artifacts_in_object_storage(stack: Stack) -> None:
    stack.await_ready("mlflow")
    with httpx.Client(base_url=stack.parts.mlflow_url, timeout=30) as client:
        made = client.post(f"{MLFLOW_EXPERIMENTS}/create", json={"name": "cracks"})
        assert made.raise_for_status().json()["experiment_id"]
        client.put("/api/2.0/mlflow-artifacts/artifacts/one/model.bin", content=b"weights").raise_for_status()
    with psycopg.connect(stack.parts.database_url("mlflow", "mlflow")) as database:
        assert database.execute("SELECT count(*) FROM experiments WHERE name = 'cracks'").fetchone() == (1,)
    assert "model.bin" in str(store_of(stack, "mlflow").list("artifacts/one").collect())


def test_mlflow_comes_back_when_it_is_killed(stack: Stack, seen: Seen) -> None:
    stack.await_ready("mlflow")
    os.kill(stack.pids()["mlflow"], signal.SIGKILL)
    seen.wait_for("mlflow", State.RESTARTED, 60)
    with httpx.Client(base_url=stack.parts.mlflow_url, timeout=30) as client:
        assert client.get(f"{MLFLOW_EXPERIMENTS}/get-by-name", params={"experiment_name": "cracks"}).status_code == 200


def everybody(stack: Stack) -> list[psutil.Process]:
    heads = [psutil.Process(pid) for pid in stack.pids().values()]
    return heads + [child for head in heads for child in head.children(recursive=True)]


def test_every_server_listens_on_this_machine_only(stack: Stack) -> None:
    listening = {
        connection.laddr.ip
        for process in everybody(stack)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def secrets_of(stack: Stack) -> list[bytes]:
    return [file.read_bytes() for file in (stack.folder / "secrets").iterdir() if file.name != "nats-users.conf"]


def test_no_secret_shows_in_a_command_line_or_an_environment(stack: Stack) -> None:
    stack.await_ready("mlflow")
    stack.start([stack.process("api", ["/bin/sleep", "60"])])
    shown = b"".join(
        Path(f"/proc/{process.pid}/{what}").read_bytes()
        for process in everybody(stack)
        for what in ("cmdline", "environ")
    )
    assert len(secrets_of(stack)) > 10
    assert [secret for secret in secrets_of(stack) if secret in shown] == []


def test_no_secret_stands_in_a_log_or_in_a_file_that_others_may_read(stack: Stack) -> None:
    stack.environment("api")
    files = [path for part in ("secrets", "logs", "run", "nats", "mlflow") for path in (stack.folder / part).rglob("*")]
    holders = [path for path in files if path.is_file() and holds(path, secrets_of(stack))]
    assert {path.parent.name for path in holders} == {"secrets", "run", "nats", "mlflow"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}
    parts = ("secrets", "run", "logs", "objects")
    assert {stat.S_IMODE((stack.folder / part).stat().st_mode) for part in parts} == {0o700}


def holds(path: Path, secrets: list[bytes]) -> bool:
    content = path.read_bytes()
    return any(secret in content for secret in secrets)


def test_a_trainer_is_told_neither_database_nor_object_storage(stack: Stack) -> None:
    told = json.dumps(stack.told.settings_for("trainer-timm"))
    forbidden = ("postgres-vistory_app", "postgres-vistory_keys", "objects-vistory", "nats-api", "worker-ultralytics")
    assert [name for name in forbidden if stack.passwords[name] in told] == []
    assert stack.passwords["worker-timm"] in told


def test_the_relay_is_told_no_way_to_the_keys_of_persons(stack: Stack) -> None:
    assert stack.passwords["postgres-vistory_keys"] not in json.dumps(stack.told.settings_for("relay"))
    assert stack.passwords["postgres-vistory_keys"] in json.dumps(stack.told.settings_for("projector"))


def test_a_second_stack_on_the_folder_is_refused(stack: Stack) -> None:
    with pytest.raises(AlreadyRunning, match="stop it, or name another folder"):
        Stack(stack.folder.path, settings=Settings())


def test_the_database_log_shows_neither_statements_nor_details(stack: Stack) -> None:
    with psycopg.connect(stack.parts.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE unique_names (name text PRIMARY KEY)")
        admin.execute("INSERT INTO unique_names VALUES ('grace hopper')")
        with pytest.raises(psycopg.errors.UniqueViolation, match="grace hopper"):
            admin.execute("INSERT INTO unique_names VALUES ('grace hopper')")
    log = stack.folder.log("postgres").read_text()
    assert "unique_names_pkey" in log
    assert "grace hopper" not in log


def test_servers_that_are_named_are_not_started(stack: Stack) -> None:
    with data_folder() as other:
        shutil.copytree(stack.folder / "secrets", other / "secrets")
        with Stack(other, settings=named(stack)) as second:
            second.start_servers()
            assert second.pids() == {}
            second.parts.write_authorization()
            psycopg.connect(second.settings_for("relay").need("database_url")).close()
            store_of(second).put("from/outside", b"x")
            asyncio.run(greet(second))


def named(stack: Stack) -> Settings:
    keys = stack.parts.s3_keys("vistory")
    return Settings(
        database_url=SecretStr(stack.parts.admin_url),
        nats_url=SecretStr(stack.parts.nats_url("admin")),
        s3_url=stack.parts.s3_url,
        s3_access_key=keys.access,
        s3_secret_key=SecretStr(keys.secret),
        mlflow_url="http://127.0.0.1:5000",
        mail=stack.parts.mail_settings,
    )


def test_a_named_bus_without_our_users_is_refused_with_what_to_do(stack: Stack) -> None:
    with data_folder() as other, Stack(other, settings=named(stack)) as second:
        with pytest.raises(UnknownBusUser, match=r"include '.*nats-users\.conf'"):
            second.start_servers()
        assert stat.S_IMODE((other / "secrets" / "nats-users.conf").stat().st_mode) == 0o600


def test_a_cluster_that_the_secrets_are_not_for_is_told_so_and_not_waited_for() -> None:
    with data_folder() as folder:
        with Stack(folder, settings=Settings()) as first:
            assert first.parts.postgres
            first.start([first.parts.postgres.child()])
        (folder / "secrets" / "postgres-admin").write_text("of-another-folder")
        with Stack(folder, settings=Settings()) as second:
            assert second.parts.postgres
            with pytest.raises(StartFailed, match=r"CannotBeEntered: .*password authentication failed"):
                second.start([second.parts.postgres.child()])


def test_a_cluster_that_cannot_be_started_is_told_with_the_reason() -> None:
    with data_folder() as folder, Stack(folder, settings=Settings()) as stack:
        assert stack.parts.postgres
        child = stack.parts.postgres.child()
        (folder / "postgres" / "data").mkdir(mode=0o700)
        (folder / "postgres" / "data" / "PG_VERSION").write_text("1\n")
        with pytest.raises(StartFailed, match=r"(?s)ended 3 times.*exit status 2.*postgresql\.conf"):
            stack.start([child])
