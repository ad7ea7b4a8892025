"""The ledger where many callers stand in line: whoever finds it idle takes everybody's commands to it in one call.

So they share one transaction and one fsync, and are judged one by one in the order in which they came.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import dataclass, field
from threading import Lock
from typing import Final
from uuid import UUID

from eventsourcing.persistence import InterfaceError, OperationalError

from infra.ledger import NOW, Append, Head, Ledger, Row, Verdict
from infra.mapper import Stored

MOST_COMMANDS: Final = 128
MOST_BYTES: Final = 4 * 1024 * 1024


@dataclass(eq=False)
class _Caller:
    """Waits at a gate of its own, until its commands are judged or it is its turn to lead."""

    commands: Sequence[Append]
    gate: Lock = field(default_factory=Lock)
    verdicts: list[Verdict] | None = None
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.gate.acquire()

    @property
    def is_served(self) -> bool:
        return self.verdicts is not None or self.error is not None

    def answer(self) -> list[Verdict]:
        if self.error is not None:
            raise copy(self.error) from self.error
        assert self.verdicts is not None, "who is let through is served"
        return self.verdicts


class Line:
    """A Ledger whose appends share their calls. An append that raises OperationalError may have been stored."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = Lock()
        self._waiting: deque[_Caller] = deque()
        self._is_led = False

    @property
    def waiting(self) -> int:
        """How many callers stand in line, beside those who are being served."""
        return len(self._waiting)

    def append(self, commands: Sequence[Append]) -> list[Verdict]:
        caller = _Caller(commands)
        with self._lock:
            self._waiting.append(caller)
            follows, self._is_led = self._is_led, True
        if follows:
            caller.gate.acquire()
        if not caller.is_served:
            self._lead()
        return caller.answer()

    def events_of(self, id: UUID, after: int = 0, limit: int | None = None, upto: int = NOW) -> list[Stored]:
        return self._ledger.events_of(id, after, limit, upto)

    def events_of_each(self, after: Mapping[UUID, int], limit: int, upto: int = NOW) -> dict[UUID, list[Stored]]:
        return self._ledger.events_of_each(after, limit, upto)

    def command(self, id: UUID) -> Verdict | None:
        return self._ledger.command(id)

    def read(self, after: int, limit: int) -> list[Row]:
        return self._ledger.read(after, limit)

    def head(self) -> Head:
        return self._ledger.head()

    def alone(self) -> AbstractContextManager[Ledger]:
        return self._ledger.alone()

    def _lead(self) -> None:
        """One call, with the leader's own commands first; then whoever waits longest leads."""
        with self._lock:
            taken = self._take()
        try:
            self._serve(taken)
        finally:
            with self._lock:
                self._is_led = bool(self._waiting)
                if self._is_led:
                    self._waiting[0].gate.release()
            for caller in taken[1:]:
                caller.gate.release()

    def _take(self) -> list[_Caller]:
        taken = [self._waiting.popleft()]
        count, size = _weight(taken[0])
        while self._waiting:
            more, larger = _weight(self._waiting[0])
            count, size = count + more, size + larger
            if count > MOST_COMMANDS or size > MOST_BYTES:
                break
            taken.append(self._waiting.popleft())
        return taken

    def _serve(self, callers: Sequence[_Caller]) -> None:
        try:
            verdicts = iter(self._ledger.append([command for each in callers for command in each.commands]))
            for caller in callers:
                caller.verdicts = [next(verdicts) for _ in caller.commands]
        except (OperationalError, InterfaceError) as error:
            _fail(callers, error)
        except Exception as error:
            if len(callers) == 1:
                _fail(callers, error)
            else:
                self._serve_alone(callers)
        except BaseException:
            _fail(callers, OperationalError("the append was broken off"))
            raise

    def _serve_alone(self, callers: Sequence[_Caller]) -> None:
        """Nothing was stored, for somebody's commands cannot be: that one is told so, and no one else."""
        for caller in callers:
            self._serve([caller])


def _fail(callers: Sequence[_Caller], error: BaseException) -> None:
    for caller in callers:
        caller.error = error


def _weight(caller: _Caller) -> tuple[int, int]:
    sizes = [len(event.state) for command in caller.commands for event in command.events]
    return len(caller.commands), sum(sizes)
