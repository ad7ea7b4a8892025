"""The doctor sees what is broken, says it in words, and says what to do; each thing here is broken for real."""

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import psycopg
import pytest
from psycopg_pool import ConnectionPool

from cli.exits import Exit
from cli.local import settings_of
from infra.checkup import Finding, Place, State, examine
from infra.checkup.ground import enough
from infra.checkup.ledger import clock
from infra.parked import Parked
from infra.stream_rebuild import begin_generation
from tests.e2e.running import Up, line_of, up, vistory
from tests.servers import data_folder
from tests.whole import waited

whole = [pytest.mark.slow, pytest.mark.connected, pytest.mark.timeout(180)]
GIB: Final = 2**30


def test_a_disk_is_told_to_be_full_before_it_is() -> None:
    assert [enough(free * GIB).state for free in (1, 5, 100)] == [State.WRONG, State.NOTE, State.WELL]


def test_a_clock_is_wrong_only_by_more_than_it_took_to_ask_for_it() -> None:
    assert clock(1000.0, 1000.0, 1000.1, "18").state is State.WELL
    assert clock(1003.0, 1000.0, 1006.0, "18").state is State.WELL
    found = clock(1600.0, 1000.0, 1000.1, "18")
    assert (found.state, found.do) == (State.WRONG, "set both machines by NTP")
    assert "+600" in found.says


def test_where_nothing_is_it_says_how_to_begin(tmp_path: Path) -> None:
    found = wrong(tmp_path / "nowhere")
    assert "`vistory up` makes one" in found["platform"].do


def wrong(data: Path) -> dict[str, Finding]:
    return {each.part: each for each in examine(Place(data)) if each.state is State.WRONG}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Up]:
    with up(folder / "data", folder / "home") as running:
        running.first_line()
        waited(lambda: not wrong(folder / "data"), 60, "everything is well, MLflow too")
        yield running


@pytest.fixture
def data(running: Up, folder: Path) -> Path:
    return folder / "data"


class TestOfAPlatformThatRuns:
    pytestmark = whole

    def test_a_healthy_platform_is_told_so_by_the_exit_status_with_versions_and_lags(self, data: Path) -> None:
        done = vistory("doctor", "--data", str(data), "--json", home=data)
        told = json.loads(done.stdout)
        assert (done.returncode, told["healthy"]) == (Exit.OK, True)
        found = {each["part"]: each for each in told["findings"]}
        for part in ("platform", "PostgreSQL", "NATS", "object storage", "MLflow", "relay", "api"):
            assert found[part]["state"] == "well"
            assert found[part]["version"] or part == "relay"
        lags = [each["lag"] for name, each in found.items() if name.startswith("projection:")]
        assert len(lags) >= 5
        assert set(lags) == {"0 events"}

    def test_keys_that_nobody_backed_up_are_noted_until_somebody_does(self, data: Path, tmp_path: Path) -> None:
        assert keys(data).state is State.NOTE
        assert "never backed up" in keys(data).says
        places = (str(tmp_path / "one"), "--master-to", str(tmp_path / "two"))
        assert vistory("keys", "backup", *places, "--data", str(data), home=data).returncode == 0
        assert keys(data).state is State.WELL

    def test_a_master_key_that_opens_nothing_is_found(self, data: Path) -> None:
        file = data / "secrets" / "master-1.key"
        right = file.read_bytes()
        file.write_bytes(bytes(32))
        try:
            found = keys(data)
        finally:
            file.write_bytes(right)
        assert found.state is State.WRONG
        assert str(file) in found.says
        assert keys(data).state is State.WELL

    def test_a_secret_that_others_may_read_is_found(self, data: Path) -> None:
        secret = data / "secrets" / "account"
        secret.chmod(0o644)
        try:
            found = wrong(data)["secrets"]
        finally:
            secret.chmod(0o600)
        assert "secrets/account" in found.says
        assert f"chmod 600 {secret}" in found.do
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600

    def test_what_is_set_aside_is_counted_with_the_commands_that_list_and_redrive_it(self, data: Path) -> None:
        with ConnectionPool(settings_of(data).need("database_url"), min_size=1, max_size=1) as pool:
            parked = Parked(pool)
            for position in (1, 2):
                parked.park("a-consumer", position, "", "it cannot be read", 1)
            found = wrong(data)["parked"]
            for row in parked.listed():
                parked.settle(row["id"])
        assert "a-consumer set 2 messages aside" in found.says
        assert "vistory parked list" in found.do
        assert "vistory parked redrive" in found.do
        assert wrong(data) == {}

    def test_an_environment_that_is_missing_is_found(self, data: Path, tmp_path: Path) -> None:
        told = {file: file.read_text() for file in (data / "run").glob("trainer-*.json")}
        for file, text in told.items():
            file.write_text(json.dumps(json.loads(text) | {"environments": str(tmp_path)}))
        found = wrong(data)
        for file, text in told.items():
            file.write_text(text)
        assert {"environment mlflow", "environment timm", "environment ultralytics"} == set(found)
        assert "make environments" in found["environment timm"].do

    @pytest.mark.parametrize(
        ("words", "part"),
        [
            (("run", "relay"), "relay"),
            (("run", "trainer", "timm"), "trainer-timm"),
            (("mlflow_server.py",), "MLflow"),
            (("nats-server",), "NATS"),
            (("postgres",), "PostgreSQL"),
        ],
    )
    def test_a_part_that_does_not_answer_is_found(
        self, running: Up, data: Path, words: tuple[str, ...], part: str
    ) -> None:
        with suspended(running, words):
            found = wrong(data)[part]
        assert "it does not answer" in found.says
        assert ".log" in found.do

    def test_a_read_model_that_stopped_is_found_with_its_reason(self, data: Path) -> None:
        with psycopg.connect(settings_of(data).need("database_url"), autocommit=True) as connection:
            change = "UPDATE work.positions SET stopped = %s WHERE consumer = 'projection:dataset'"
            connection.execute(change, ["position 7: ValueError('no')"])
            found = wrong(data)["projection:dataset"]
            connection.execute(change, [None])
        assert "it stopped: position 7: ValueError('no')" in found.says
        assert "vistory rebuild" in found.do

    def test_a_stream_of_another_generation_halts_the_relay_and_both_are_found(self, running: Up, data: Path) -> None:
        begin_generation(settings_of(data, "migrate").need("database_url"))
        for relay in heads(running, ("run", "relay")):
            relay.kill()  # it reads where the stream is when it starts again
        found = waited(lambda: {**both} if len(both := halted(data)) == 2 else None, 60, "the relay halts")
        assert "generation" in found["stream"].says
        assert "vistory stream rebuild" in found["stream"].do
        assert "it stopped" in found["relay"].says
        assert vistory("stream", "rebuild", "--data", str(data), home=data).returncode == 0
        waited(lambda: not wrong(data), 60, "the relay goes on")

    def test_a_platform_that_is_down_is_wrong_and_its_parts_are_off(self, running: Up, data: Path) -> None:
        running.interrupt()
        ports = json.loads((data / "run" / "ports.json").read_text())
        with socket.create_server(("127.0.0.1", ports["nats"])):
            done = vistory("doctor", "--data", str(data), home=data)
        assert done.returncode == Exit.UNWELL
        assert "it is not running" in done.stdout
        assert f"vistory up --data {data}" in done.stdout
        assert f"others listen on {ports['nats']} (nats)" in done.stdout
        assert set(wrong(data)) == {"platform"}


def keys(data: Path) -> Finding:
    return next(each for each in examine(Place(data)) if each.part == "keys of persons")


def halted(data: Path) -> dict[str, Finding]:
    """A relay that halts is started again, so that the row says why while its process may be between two lives."""
    found = [each for each in examine(Place(data)) if each.state is State.WRONG]
    return {each.part: each for each in found if each.part == "stream" or "it stopped" in each.says}


def heads(running: Up, words: tuple[str, ...]) -> list[psutil.Process]:
    return [each for each in running.family() if all(map(line_of(each).count, words))]


@contextmanager
def suspended(running: Up, words: tuple[str, ...]) -> Iterator[None]:
    """It is there, and says nothing; with all that it has started."""
    family = {each.pid for head in heads(running, words) for each in with_descendants(head)}
    assert family
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in family & set(psutil.pids()):
            os.kill(pid, signal.SIGCONT)


def with_descendants(head: psutil.Process) -> list[psutil.Process]:
    """Nobody, if it ended while it was looked for: a server's process for one connection ends with that."""
    with suppress(psutil.NoSuchProcess):
        return [head, *head.children(recursive=True)]
    return []
