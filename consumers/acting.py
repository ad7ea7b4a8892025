"""How the platform itself acts: it reads the ledger, and gives commands under ids that a retry finds again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Protocol, TypeVar
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

from commands.access import Caller, Command
from commands.ports import Accepted
from domain.errors import Refused
from domain.model import SYSTEM, Aggregate, Envelope, Recorded
from infra.ledger import Ledger
from infra.mapper import Mapper
from infra.published import Message, Origins, unpack
from infra.unit import Errand, Unit

A = TypeVar("A", bound=Aggregate)
CALLER = Caller(kind="system", id=SYSTEM)


def _now() -> datetime:
    return datetime.now(UTC)


class Dispatch(Protocol):
    def __call__(self, command: Command, errand: Errand) -> Accepted: ...


@dataclass(frozen=True)
class Platform:
    ledger: Ledger
    mapper: Mapper
    dispatch: Dispatch
    clock: Callable[[], datetime] = _now

    async def get(self, kind: type[A], id: UUID) -> A:
        """As it stands in the ledger now. Raises NotFound."""
        unit = Unit(self.ledger, self.mapper, Errand(CALLER, self.clock(), uuid7()))
        return await asyncio.to_thread(unit.get, kind, id)

    async def act(self, command: Command, about: UUID, name: str) -> None:
        """A command without an event behind it: given once under this name."""
        await self._give(command, Errand(CALLER, self.clock(), uuid5(about, name), fingerprint=b""))

    async def react(self, command: Command, cause: Envelope, name: str) -> None:
        """A command for the sake of an event, to whose story it belongs: given once under this name."""
        errand = Errand(CALLER, self.clock(), uuid5(cause.event, name), fingerprint=b"")
        await self._give(command, errand.because_of(cause))

    async def _give(self, command: Command, errand: Errand) -> None:
        await asyncio.to_thread(self.dispatch, command, errand)

    async def acts(self, command: Command, about: UUID, name: str) -> bool:
        """As `act`; whether the ledger's answer was yes."""
        try:
            await self.act(command, about, name)
        except Refused:
            return False
        return True

    async def understood(self, message: Message) -> Recorded:
        """The event that a message carries. Raises NotAnEvent, and ForeignEvent where it is not of our ledger."""
        row = unpack(message)
        await asyncio.to_thread(self._origins.check, message)
        return self.mapper.recorded(row.stored, row.position, row.recorded_at)

    async def must_be_ours(self, message: Message) -> None:
        """Raises ForeignEvent."""
        await asyncio.to_thread(self._origins.check, message)

    @cached_property
    def _origins(self) -> Origins:
        return Origins(self.ledger)

    async def recorded(self, position: int) -> Recorded | None:
        """The event at a position."""
        rows = await asyncio.to_thread(self.ledger.read, position - 1, 1)
        return next((self.mapper.recorded(row.stored, row.position, row.recorded_at) for row in rows), None)
