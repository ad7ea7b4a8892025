"""Brings a command to its handler: authorization, idempotency, and another try when a race was lost."""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from inspect import signature
from typing import Any, Final

from eventsourcing.persistence import InterfaceError, OperationalError

from commands import HANDLERS
from commands.access import Command
from commands.ports import Accepted
from domain.errors import Conflict, Forbidden, NotFound, Refused, Unauthenticated
from infra import logs, metrics, tracing
from infra.known import Known
from infra.ledger import Ledger, Verdict
from infra.mapper import Mapper
from infra.unit import Errand, Unit

TRIES: Final = 5
# Whoever lost as often as this is decided while others wait: else it could lose for as long as they go on writing.
# But not where more than the ledger is asked: nobody waits for somebody else's objects.
BESIDE_OTHERS: Final = 3
_REFUSALS: Final = (Refused, Forbidden, NotFound, Unauthenticated)
_PER_UNIT: Final = frozenset({"store", "secrets"})


class Unavailable(Exception):
    """The ledger cannot be reached; whether the command was stored is looked up when it is tried again."""


@dataclass(frozen=True)
class Dispatch:
    """Calls the handler of a command with the ports that its signature names."""

    ledger: Ledger
    mapper: Mapper
    known: Known
    secrets: Callable[[Unit], Any]
    bound: Mapping[type[Command], tuple[Callable[..., Accepted], Mapping[str, Any], frozenset[str]]]
    pause: Callable[[float], None] = time.sleep

    def __call__(self, command: Command, errand: Errand) -> Accepted:
        name, id = type(command).__name__, errand.command_id
        with logs.about(command=id, correlation=errand.correlation), tracing.span(f"dispatch {name}", command=id):
            return self._decide(command, errand)

    def before(self, errand: Errand) -> Accepted | None:
        """What came of it, if it was accepted before. Raises KeyReused where something else was asked."""
        done = self.ledger.command(errand.command_id) if errand.fingerprint is not None else None
        return Unit(self.ledger, self.mapper, errand).answer(done) if done else None

    def _decide(self, command: Command, errand: Errand) -> Accepted:
        comes_again, lost = errand.fingerprint is not None, 0
        for attempt in range(TRIES):
            is_alone = lost >= BESIDE_OTHERS and not self.bound[type(command)][1]
            try:
                with self.ledger.alone() if is_alone else nullcontext(self.ledger) as ledger:
                    return self._try(command, Unit(ledger, self.mapper, errand, known=self.known), attempt > 0)
            except _REFUSALS:
                # Whoever asks again while the first request is at work may find what that one did in the way.
                if comes_again and (before := self._done_meanwhile(errand)):
                    return self._answered(command, Unit(self.ledger, self.mapper, errand), before)
                raise
            except Conflict:
                if is_alone or attempt == TRIES - 1:
                    raise
                lost += 1
                metrics.COMMAND_RETRIES.labels("conflict").inc()
            except (OperationalError, InterfaceError) as error:
                if attempt == TRIES - 1:
                    raise Unavailable("the ledger cannot be reached") from error
                metrics.COMMAND_RETRIES.labels("ledger_away").inc()
                self.pause(0.1 * 2**attempt)
            self.pause(random.uniform(0, 0.005 * 2**attempt))
        raise AssertionError("the last try returns or raises")

    def _try(self, command: Command, unit: Unit, once_more: bool) -> Accepted:
        comes_again = once_more or unit.errand.fingerprint is not None
        if comes_again and (before := unit.ledger.command(unit.errand.command_id)):
            return self._answered(command, unit, before)
        return self._handle(command, unit)

    def _answered(self, command: Command, unit: Unit, before: Verdict) -> Accepted:
        """To whoever may do it still, or might not any more from that command on: who has left is told so once more."""
        accepted, errand = unit.answer(before), unit.errand
        if errand.fingerprint is None:  # nobody repeats it but this very call
            return accepted
        try:
            command.ACCESS.admit(command, errand.caller, unit)
        except _REFUSALS:
            if not self._might(command, unit, self._begun(unit, before)) or self._might(command, unit, before.position):
                raise
        return accepted

    def _begun(self, unit: Unit, done: Verdict) -> int:
        """What the ledger had reached before the events of this command, which is done."""
        position = done.position
        while position and (rows := unit.ledger.read(position - 1, 1)):
            _, envelope = self.mapper.decode(rows[0].stored)
            if envelope.command != unit.errand.command_id:
                break
            position -= 1
        return position

    def _might(self, command: Command, unit: Unit, position: int) -> bool:
        """Whether this caller might do it as the ledger was there."""
        then = Unit(unit.ledger, self.mapper, unit.errand, upto=position)
        try:
            command.ACCESS.admit(command, unit.errand.caller, then)
        except _REFUSALS:
            return False
        return True

    def _done_meanwhile(self, errand: Errand) -> Verdict | None:
        try:
            return self.ledger.command(errand.command_id)
        except (OperationalError, InterfaceError) as error:
            raise Unavailable("the ledger cannot be reached") from error

    def _handle(self, command: Command, unit: Unit) -> Accepted:
        handler, ports, per_unit = self.bound[type(command)]
        unit.actor = command.ACCESS.admit(command, unit.errand.caller, unit)
        own = {"store": unit, "secrets": self.secrets(unit)}
        return handler(command, unit.actor, unit.errand.now, **ports, **{name: own[name] for name in per_unit})


def bind(
    ledger: Ledger, mapper: Mapper, known: Known, secrets: Callable[[Unit], Any], ports: Mapping[str, Any]
) -> Dispatch:
    """Give every command handler the ports its signature names; a missing one fails now, not on first use."""
    bound = {}
    for command, handler in HANDLERS.items():
        names = set(list(signature(handler).parameters)[3:])
        bound[command] = (handler, {name: ports[name] for name in names - _PER_UNIT}, frozenset(names & _PER_UNIT))
    return Dispatch(ledger, mapper, known, secrets, bound)
