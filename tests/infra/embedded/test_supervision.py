"""A supervised process is started, watched, started again and stopped; it never outlives its supervisor."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Condition

import psutil
import pytest

from infra.embedded import logs, supervisor
from infra.embedded.child import Change, Child, StartFailed, State
from infra.embedded.folder import AlreadyRunning, DataFolder
from infra.embedded.group import Group
from infra.embedded.ports import HOST, Ports, is_free
from infra.embedded.stirring import processor_seconds


class Seen:
    """Changes as they come, to wait for."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._news = Condition()

    def __call__(self, change: Change) -> None:
        with self._news:
            self.changes.append(change)
            self._news.notify_all()

    def of(self, name: str) -> list[State]:
        return [change.state for change in self.changes if change.name == name]

    def wait_for(self, name: str, state: State, seconds: float = 20) -> None:
        with self._news:
            assert self._news.wait_for(lambda: state in self.of(name), seconds), self.changes


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def group(tmp_path: Path, seen: Seen) -> Iterator[Group]:
    group = Group(tmp_path, seen)
    yield group
    group.stop()


def shell(tmp_path: Path, script: str, name: str = "child", **more: object) -> Child:
    return Child(name=name, argv=("/bin/sh", "-c", script), cwd=tmp_path, **more)  # type: ignore[arg-type]


def test_a_child_is_ready_when_its_probe_says_so(group: Group, seen: Seen, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    group.start([shell(tmp_path, f"sleep 0.1; touch {mark}; exec sleep 60", ready_probe=mark.exists)])
    assert mark.exists()
    assert seen.of("child") == [State.STARTING, State.READY]


def test_a_child_is_ready_when_it_says_so_itself_and_not_because_it_did_last_time(
    group: Group, seen: Seen, tmp_path: Path
) -> None:
    (tmp_path / "child.log").write_text("ready\n")
    group.start([shell(tmp_path, "sleep 0.3; echo ready; exec sleep 60", ready_line=lambda line: line == b"ready\n")])
    assert (tmp_path / "child.log").read_text() == "ready\nready\n"


def stuck(lines: Iterable[bytes]) -> str | None:
    return "it was stuck" if b"stuck\n" in lines else None


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_a_child_that_is_of_no_use_any_more_is_started_again_once_and_why_is_told(
    group: Group, seen: Seen, tmp_path: Path, stubborn: str
) -> None:
    script = f"{stubborn}[ -e {tmp_path}/again ] || echo stuck; touch {tmp_path}/again; exec sleep 60"
    group.start([shell(tmp_path, script, spent=stuck, grace=0.5)])
    seen.wait_for("child", State.RESTARTED)
    assert [change.detail for change in seen.changes if change.state is State.DIED] == ["it was stuck"]


def test_a_child_that_is_killed_is_started_again(group: Group, seen: Seen, tmp_path: Path) -> None:
    group.start([shell(tmp_path, "exec sleep 60")])
    first = group.pids()["child"]
    os.kill(first, signal.SIGKILL)
    seen.wait_for("child", State.RESTARTED)
    assert seen.of("child") == [State.STARTING, State.READY, State.DIED, State.STARTING, State.RESTARTED]
    assert group.pids()["child"] != first


def test_a_child_that_dies_again_and_again_is_given_ever_longer_pauses(
    group: Group, seen: Seen, tmp_path: Path
) -> None:
    group.start([shell(tmp_path, "sleep 0.05; exit 3")])
    assert eventually(lambda: seen.of("child").count(State.DIED) >= 4)
    deaths = [change for change in seen.changes if change.state is State.DIED]
    assert {change.detail for change in deaths} == {"exit status 3"}


def test_children_of_one_layer_start_in_parallel(group: Group, tmp_path: Path) -> None:
    begun = time.monotonic()
    marks = [tmp_path / str(number) for number in range(4)]
    group.start(
        shell(tmp_path, f"sleep 0.5; touch {mark}; exec sleep 60", mark.name, ready_probe=mark.exists) for mark in marks
    )
    assert time.monotonic() - begun < 1.8


def test_a_child_that_cannot_start_fails_with_the_end_of_its_log(group: Group, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match=r"(?s)exit status 7.*no such configuration"):
        group.start([shell(tmp_path, "echo no such configuration; exit 7", ready_probe=lambda: False)])


@pytest.mark.parametrize("script", ["while :; do :; done", "while :; do echo recovering; sleep 0.2; done"])
def test_a_child_that_is_at_work_is_waited_for(group: Group, tmp_path: Path, script: str) -> None:
    """However long; the limit for one that does nothing does not concern it."""
    ready = time.monotonic() + 4
    group.start([shell(tmp_path, script, ready_probe=lambda: time.monotonic() > ready, quiet_for=2)])
    assert time.monotonic() >= ready


def test_the_work_of_what_a_child_has_started_counts_as_its_own() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "sh -c 'while :; do :; done' & wait"], start_new_session=True) as parent:
        try:
            assert eventually(lambda: processor_seconds(parent.pid) > 0.1)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def test_a_child_that_does_nothing_and_is_not_ready_fails_in_time(group: Group, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(StartFailed, match=r"is not ready and has done nothing for \d s; it has said nothing in"):
        group.start([shell(tmp_path, "exec sleep 60", ready_probe=lambda: False, quiet_for=1)])
    assert time.monotonic() - begun < 10


def test_a_child_that_is_at_work_for_ever_fails_when_it_must_be_ready(tmp_path: Path, seen: Seen) -> None:
    group = Group(tmp_path, seen, start_within=1.5)
    with pytest.raises(StartFailed, match=r"(?s)is not ready after 1\.5 s .*--start-within.*busy"):
        group.start([shell(tmp_path, "echo busy; while :; do :; done", ready_probe=lambda: False)])
    group.stop()


def test_a_child_that_takes_long_is_told_with_what_it_says(
    group: Group, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "TOLD_EVERY", 0.3)
    (tmp_path / "child.log").write_text("of yesterday\n")
    mark = tmp_path / "mark"
    group.start(
        [shell(tmp_path, f"sleep 0.5; echo redo; sleep 1; touch {mark}; exec sleep 60", ready_probe=mark.exists)]
    )
    assert {"it has said nothing", "redo"} == {change.detail for change in seen.changes if change.detail}


def test_a_child_that_dies_is_told_with_what_it_said_last(group: Group, seen: Seen, tmp_path: Path) -> None:
    (tmp_path / "child.log").write_text("of yesterday\n")
    script = f"[ -e {tmp_path}/again ] && exec sleep 60; touch {tmp_path}/again; echo no room; kill -9 $$"
    group.start([shell(tmp_path, script, ready_probe=lambda: (tmp_path / "again").exists() and len(seen.changes) > 2)])
    assert [change.detail for change in seen.changes if change.detail] == ["killed by SIGKILL, and it said: no room"]


def test_a_probe_that_breaks_fails_the_start(group: Group, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="ZeroDivisionError"):
        group.start([shell(tmp_path, "exec sleep 60", ready_probe=lambda: bool(1 / 0))])


def test_a_failed_preparation_fails_the_start(group: Group, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="FileNotFoundError"):
        group.start([shell(tmp_path, "exec sleep 60", prepare=(tmp_path / "absent").unlink)])


def test_later_layers_stop_before_earlier_ones(group: Group, seen: Seen, tmp_path: Path) -> None:
    group.start([shell(tmp_path, "exec sleep 60", "server")])
    group.start([shell(tmp_path, "exec sleep 60", "client")])
    group.stop()
    assert [change.name for change in seen.changes if change.state is State.STOPPED] == ["client", "server"]


def test_a_stubborn_child_is_gone_within_ten_seconds_with_all_that_it_started(group: Group, tmp_path: Path) -> None:
    stubborn = "trap '' TERM INT; sleep 61 & echo $! > {0}/grandchild; touch {0}/mark; while :; do sleep 1; done"
    mark = tmp_path / "mark"
    group.start([shell(tmp_path, stubborn.format(tmp_path), ready_probe=mark.exists, grace=1.0)])
    pids = [*group.pids().values(), int((tmp_path / "grandchild").read_text())]
    begun = time.monotonic()
    group.stop()
    assert time.monotonic() - begun < 3
    assert eventually(lambda: not any(map(is_running, pids)))


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_child_knows_nothing_of_the_callers_environment_but_what_it_needs(
    group: Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTORY_DATABASE_URL", "postgresql://admin:secret@host/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    group.start([shell(tmp_path, "exec sleep 60", env={"GIVEN": "yes"})])
    pid = group.pids()["child"]
    assert eventually(lambda: psutil.Process(pid).name() == "sleep")
    environment = psutil.Process(pid).environ()
    assert environment["GIVEN"] == "yes"
    assert "secret" not in str(environment)


def test_no_child_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from infra.embedded.child import Child
from infra.embedded.group import Group
folder = Path({str(tmp_path)!r})
group = Group(folder, lambda change: None)
group.start([Child(str(n), ("/bin/sleep", "60"), folder) for n in range(2)])
print(*group.pids().values(), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        pids = [int(word) for word in supervisor.stdout.readline().split()]
        assert len(pids) == 2
        supervisor.kill()
    assert eventually(lambda: not any(map(is_running, pids)))


def test_a_second_stack_on_one_folder_is_told_of_the_first(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "data")
    for folder in (first, second):
        folder.user = None
        folder.make()
    first.lock()
    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()


def test_a_port_is_remembered_from_run_to_run(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    port = chosen(file)
    assert chosen(file) == port


def test_a_port_that_was_taken_meanwhile_is_chosen_anew(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    port = chosen(file)
    with socket.create_server((HOST, port)):
        assert not is_free(port)
        other = chosen(file)
        assert other != port
    assert chosen(file) == other


def test_a_preferred_port_that_is_taken_gives_way_to_the_next(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        preferred = taken.getsockname()[1]
        assert preferred < chosen(tmp_path / "ports.json", preferred) < preferred + 100


def test_two_that_choose_at_once_get_different_ports_before_anything_listens(tmp_path: Path) -> None:
    with closing(Ports(tmp_path / "mine.json")) as mine, closing(Ports(tmp_path / "others.json")) as others:
        port = mine.near("api", 23_000)
        assert others.near("api", 23_000) != port
    assert chosen(tmp_path / "later.json", port) == port


def chosen(file: Path, preferred: int | None = None) -> int:
    with closing(Ports(file)) as ports:
        return ports.near("postgres", preferred)


def test_names_get_different_ports(tmp_path: Path) -> None:
    with closing(Ports(tmp_path / "ports.json")) as ports:
        assert len({ports.near(str(n), 23000) for n in range(5)}) == 5


def test_what_a_log_gained_is_told_once_line_by_line_also_after_it_was_moved_aside(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    log.write_text("old\n")
    news = logs.News(log)
    with log.open("a") as writer:
        print("one\nhalf a", end="", file=writer, flush=True)
        assert list(news.lines()) == [b"one\n"]
        print(" line", file=writer, flush=True)
        assert list(news.lines()) == [b"half a line\n"]
        logs.trim(tmp_path, limit=1)
        print("new", file=writer, flush=True)
        assert list(news.lines()) == [b"new\n"]
        assert list(news.lines()) == []


def test_a_log_that_grew_is_moved_aside_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with log.open("a") as writer:
        writer.write("old\n" * 1000)
        writer.flush()
        logs.trim(tmp_path, limit=100)
        writer.write("new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "child.log.1").read_text().startswith("old")


def test_a_log_that_fills_the_disk_is_emptied_without_a_copy_and_keeps_no_other_from_it(tmp_path: Path) -> None:
    gone, full, other = tmp_path / "a.log", tmp_path / "b.log", tmp_path / "c.log"
    gone.symlink_to(tmp_path / "nothing")
    full.with_suffix(".log.1").symlink_to("/dev/full")
    for log in (full, other):
        log.write_text("old\n" * 1000)
    logs.trim(tmp_path, limit=100)
    assert (full.read_text(), other.read_text()) == ("", "")
    assert not full.with_suffix(".log.1").is_symlink()
    assert other.with_suffix(".log.1").read_text().startswith("old")
