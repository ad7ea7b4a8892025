"""What the platform itself does, and whoever keeps its machine: commands without a person behind them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self
from uuid import UUID

from uuid_utils.compat import uuid7

from commands.access import Caller, Command
from commands.ports import Accepted
from domain.model import SYSTEM
from infra.config import Settings
from infra.dispatch import Dispatch
from infra.erased import erase
from infra.reading import Reading
from infra.secrets import Accounts
from infra.trainings import Trainings
from infra.unit import Errand
from infra.wiring import Core
from projections import PROJECTIONS

PATIENCE: Final = 30.0
_ABSENT: Final = ("contents", "places", "trainers", "usage")


class MissingPort(RuntimeError):
    """A command of the platform itself asked for what only an API has."""


@dataclass(frozen=True)
class Missing:
    """Stands where a port would; whoever uses it is told which it was."""

    port: str

    def __getattr__(self, asked: str) -> Any:
        raise MissingPort(f"no {self.port} here, of which {asked} was asked: the host's commands touch no such thing")


@dataclass(frozen=True)
class Host:
    core: Core
    accounts: Accounts
    reading: Reading
    dispatch: Dispatch

    @classmethod
    @contextmanager
    def open(cls, settings: Settings) -> Iterator[Self]:
        with Core.open(settings) as core, cls.of(core) as host:
            yield host

    @classmethod
    @contextmanager
    def of(cls, core: Core) -> Iterator[Self]:
        """Commands of the platform itself touch neither content nor trainings' places."""
        with closing(Reading(core.settings.need("database_url"), pool_size=2)) as reading:
            accounts = core.accounts()
            there = {"trainings": Trainings(reading, core.store)}
            ports = {**{name: Missing(name) for name in _ABSENT}, **there}
            yield cls(core, accounts, reading, core.dispatch(accounts, ports))

    def find(self, person: str) -> UUID | None:
        """By address or id."""
        try:
            return UUID(person)
        except ValueError:
            return self.accounts.person_of(person)

    def give(self, command: Command) -> Accepted:
        caller = Caller(kind="system", id=SYSTEM)
        return self.dispatch(command, Errand(caller, datetime.now(UTC), uuid7()))

    def erase(self, person_id: UUID) -> dict[str, Any]:
        """Told as done when every read model has forgotten.

        Raises NotThereYet where one is behind, before it is done or after; asked again, it goes on.
        """
        self._await(self.core.store.head().position)
        accepted = erase(self.core, self.dispatch, person_id)
        self._await(accepted.position)
        receipt = accepted.model_dump(mode="json")
        return {"person_id": receipt.pop("id"), **receipt}

    def _await(self, position: int) -> None:
        self.reading.wait_until([each.name for each in PROJECTIONS], position, PATIENCE)
