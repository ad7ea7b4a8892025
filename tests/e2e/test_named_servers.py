"""The main job on servers that somebody else runs: all four are named by URL, and `up` starts none of its own."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import pytest

from cli.client import Api
from cli.digits import write_digits
from cli.live import messages
from cli.local import settings_of
from infra.config import Settings
from infra.embedded import Stack
from tests.e2e.running import Up, line_of, up
from tests.runs import Runs
from tests.servers import data_folder
from tests.whole import assert_history_holds, begun, waited

pytestmark = [pytest.mark.slow, pytest.mark.connected]
SERVERS: Final = ("bin/postgres", "nats-server", "weed", "mlflow_server.py")


@pytest.fixture(scope="module")
def outside() -> Iterator[Stack]:
    """Servers of another data folder, which no process of ours has seen yet."""
    with data_folder() as folder, Stack(folder / "outside", settings=Settings()) as stack:
        stack.start_servers()
        stack.await_ready("mlflow")
        yield stack


@pytest.fixture
def running(outside: Stack) -> Iterator[Up]:
    with data_folder() as folder, ExitStack() as opened:
        # The outside NATS server must know our users, so both have the same secrets.
        shutil.copytree(outside.folder / "secrets", folder / "data" / "secrets")
        with pytest.MonkeyPatch.context() as settings:
            for name, value in named(outside).items():
                settings.setenv(name, value)
            running = opened.enter_context(up(folder / "data", folder / "home"))
        yield running


def named(outside: Stack) -> dict[str, str]:
    """What whoever runs those servers would be told to set."""
    keys = outside.parts.s3_keys("vistory")
    return {
        "VISTORY_DATABASE_URL": outside.parts.admin_url,
        "VISTORY_NATS_URL": outside.parts.nats_url("admin"),
        "VISTORY_S3_URL": outside.parts.s3_url,
        "VISTORY_S3_ACCESS_KEY": keys.access,
        "VISTORY_S3_SECRET_KEY": keys.secret,
        "VISTORY_MLFLOW_URL": outside.parts.mlflow_url,
    }


@pytest.mark.timeout(240)
def test_the_main_job_runs_on_servers_that_are_named_and_starts_none_of_its_own(
    outside: Stack, running: Up, tmp_path: Path
) -> None:
    told = json.loads(running.first_line())
    data = Path(told["data"])
    with signed_in(told) as api:
        job = begun(api, write_digits(tmp_path / "digits", most=40), epochs=1)
        *_, end = messages(api, job)
        assert end["status"] == "completed", end
        (model,) = api.get("/models")["items"]
        address = api.get(f"/models/{model['id']}")["url"]
        assert address.startswith(outside.parts.s3_url)
        assert hashlib.sha256(api.download(address)).hexdigest() == model["sha256"]
    assert_run_is_there(outside, job)
    assert_history_holds(settings_of(data))
    assert database_of(settings_of(data)) == database_of(outside.settings_for("cli"))
    assert servers_among(running) == []
    assert [part for part in ("postgres", "nats", "objects", "mlflow") if any((data / part).iterdir())] == []


def signed_in(told: dict[str, str]) -> Api:
    api = Api(told["api"])
    password = Path(told["password_file"]).read_text()
    api.token = api.post("/auth/login", email=told["email"], password=password)["access_token"]
    return api


def assert_run_is_there(outside: Stack, job: str) -> None:
    with closing(Runs(outside.parts.mlflow_url)) as runs:
        waited(lambda: [run for run in runs.of(job) if run["info"]["status"] == "FINISHED"], 60, "the end of the run")
        assert len(runs.of(job)) == 1


def database_of(settings: Settings) -> str:
    return settings.need("database_url").rpartition("@")[2]


def servers_among(running: Up) -> list[str]:
    """What it started that is a server of somebody else's making."""
    lines = [line_of(process) for process in running.family()]
    assert any("run api" in line for line in lines)
    return [line for line in lines if any(server in line for server in SERVERS)]
