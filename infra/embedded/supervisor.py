"""Keeps one child alive: starts it, waits until it is ready, starts it again when it dies, stops and reaps it.

Each child has a thread of its own, which spawns it and then sleeps until it ends. The kernel ties the child's life to
that thread (see launch.py), so a supervisor that is killed outright leaves no process behind.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread

from infra.embedded.child import Change, Child, StartFailed, State
from infra.embedded.folder import User
from infra.embedded.logs import News, tail
from infra.embedded.stirring import Stirring, length

LAUNCH = Path(__file__).with_name("launch.py")
FIRST_TRIES = 3
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
STEADY = 10.0
LOOKED_AT_EVERY = 1.0
TOLD_EVERY = 20.0


def launch_line(
    argv: Sequence[str], user: User | None = None, death_signal: int = signal.SIGKILL, nice: int = 0
) -> list[str]:
    """The words that start `argv` as a child which dies with us, as another user if one is named."""
    order = {"parent": os.getpid(), "death_signal": int(death_signal), "nice": nice}
    if user:
        order |= {"user": user.id, "group": user.group}
    return [sys.executable, "-I", "-S", str(LAUNCH), json.dumps(order), *argv]


def spawn(child: Child, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as out:
        return subprocess.Popen(
            launch_line(child.argv, child.user, child.death_signal, child.nice),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=child.cwd,
            env=child.environment(),
            start_new_session=True,
        )


class Keeper:
    def __init__(self, child: Child, log: Path, tell: Callable[[Change], None], start_within: float) -> None:
        self.child = child
        self._start_within = start_within
        self._log = log
        self._tell = tell
        self._news = News(log)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._stopping = Event()
        self._settled = Event()
        self._failure: StartFailed | None = None
        self._begun = time.monotonic()
        self._deaths = 0
        self._was_ready = False
        self._spent: str | None = None
        self._said_before = length(log)
        self._thread = Thread(target=self._keep, name=f"keep-{child.name}", daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process else None

    def start(self) -> None:
        self._thread.start()

    def await_ready(self) -> None:
        """Until it is ready for the first time; raises StartFailed if it never will be."""
        self._settled.wait()
        if self._failure:
            raise self._failure

    def ask_to_stop(self) -> None:
        self._stopping.set()
        self._send(self.child.stop_signal)

    def await_stopped(self, seconds: float) -> None:
        """Within the time given, or else by force."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._send(signal.SIGKILL)
            self._thread.join(5.0)

    def _keep(self) -> None:
        try:
            while not self._stopping.is_set():
                self._live_once()
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")
        finally:
            self._settled.set()
            self._say(State.STOPPED)

    def _live_once(self) -> None:
        self._begun = time.monotonic()
        self._say(State.STARTING)
        self.child.prepare()
        self._news, self._spent, self._said_before = News(self._log), None, length(self._log)
        if not self._spawn():
            return
        Thread(target=self._watch, args=(self._process,), name=f"watch-{self.child.name}", daemon=True).start()
        code = self._reap()
        if not self._stopping.is_set():
            self._mourn(code)

    def _spawn(self) -> bool:
        with self._lock:
            if not self._stopping.is_set():
                self._process = spawn(self.child, self._log)
            return self._process is not None

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        try:
            self._probe_until_ready(process)
            self._look_until_spent(process)
        except Exception as error:
            self._give_up(f"cannot be probed, {type(error).__name__}: {error}")

    def _probe_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        stirring, told = Stirring(process.pid, self._log), self._begun
        while self._process is process and not self._stopping.is_set():
            if self._probe():
                return self._rejoice()
            if not self._was_ready and (why := self._in_vain(stirring)):
                return self._give_up(why)
            if time.monotonic() - told > TOLD_EVERY:
                told = time.monotonic()
                self._say(State.STARTING, self._last_line() or "it has said nothing")
            self._stopping.wait(0.03)
        return None

    def _in_vain(self, stirring: Stirring) -> str:
        """Why nobody waits any longer until it is ready."""
        if time.monotonic() - self._begun > self._start_within:
            return f"is not ready after {self._start_within:g} s (`vistory up --start-within SECONDS` gives it more)"
        quiet = stirring.quiet()
        return f"is not ready and has done nothing for {quiet:.0f} s" if quiet > self.child.quiet_for else ""

    def _look_until_spent(self, process: "subprocess.Popen[bytes]") -> None:
        while self._process is process and not self._stopping.wait(LOOKED_AT_EVERY):
            if (why := self._why_spent()) is not None:
                self._spent = why
                self._send(self.child.stop_signal)
                self._end_by_force(process)
                return

    def _why_spent(self) -> str | None:
        """A log that cannot be read at this moment says nothing against whom it is of."""
        try:
            return self.child.spent(self._news.lines())
        except OSError:
            return None

    def _end_by_force(self, process: "subprocess.Popen[bytes]") -> None:
        """Unless it has ended, or is stopped for good, within its grace."""
        until = time.monotonic() + self.child.grace
        while self._process is process and time.monotonic() < until:
            if self._stopping.wait(0.05):
                return
        if self._process is process:
            self._send(signal.SIGKILL)

    def _probe(self) -> bool:
        if self.child.ready_line:
            return any(map(self.child.ready_line, self._news.lines()))
        try:
            return self.child.ready_probe()
        except OSError:
            return False

    def _rejoice(self) -> None:
        self._say(State.RESTARTED if self._was_ready else State.READY)
        self._was_ready = True
        self._settled.set()

    def _reap(self) -> int:
        """Waits for the end; what the child left in its process group ends with it, before its id is free again."""
        process = self._process
        assert process is not None
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            signal_group(process.pid, signal.SIGKILL)
            self._process = None
            return process.wait()

    def _mourn(self, code: int) -> None:
        lived = time.monotonic() - self._begun
        self._deaths = 1 if lived > STEADY else self._deaths + 1
        how = f"exit status {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        last = self._last_line()
        self._say(State.DIED, self._spent or (f"{how}, and it said: {last}" if last else how))
        if not self._was_ready and self._deaths >= FIRST_TRIES:
            self._give_up(f"ended {self._deaths} times before it was ready, with {how}")
        else:
            self._stopping.wait(min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** (self._deaths - 1)))

    def _give_up(self, why: str) -> None:
        last = tail(self._log, since=self._said_before)
        said = f"the end of {self._log}:\n{last}" if last else f"it has said nothing in {self._log}"
        self._failure = StartFailed(f"{self.child.name} {why}; {said}")
        self._settled.set()
        self.ask_to_stop()

    def _last_line(self) -> str:
        """Of what it has said since it was started this time."""
        return tail(self._log, 1, self._said_before)

    def _send(self, number: signal.Signals) -> None:
        with self._lock:
            if self._process:
                signal_process(self._process.pid, number)
                if number == signal.SIGKILL:
                    signal_group(self._process.pid, number)

    def _say(self, state: State, detail: str = "") -> None:
        self._tell(Change(self.child.name, state, time.monotonic() - self._begun, detail))


def signal_process(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
