"""What the API's process holds for its whole life: the composition root, opened once and closed at the end."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection
from uuid_utils.compat import uuid7

from commands.access import Caller
from commands.ports import Store
from domain.person import Person
from infra.code_version import code_version
from infra.config import Settings
from infra.dispatch import Dispatch
from infra.secrets import Accounts
from infra.tokens import Tokens
from infra.trainers import ReportedTrainers
from infra.unit import Errand, Unit
from infra.wiring import Core


@dataclass(frozen=True)
class House:
    settings: Settings
    core: Core
    accounts: Accounts
    tokens: Tokens
    trainers: ReportedTrainers
    dispatch: Dispatch
    code_version: str

    def ledger_as(self, caller: Caller) -> Store:
        """The aggregates as they stand in the ledger at this moment, behind the caller's wall."""
        return Unit(self.core.store, self.core.mapper, Errand(caller, datetime.now(UTC), uuid7()))

    def registration(self, person_id: UUID) -> Person.Registered:
        """The first fact about a person: its names, for that person to read."""
        event, _ = self.core.mapper.decode(self.core.store.events_of(person_id)[0])
        assert isinstance(event, Person.Registered), f"{person_id} is no person"
        return event


@contextmanager
def open_house(settings: Settings) -> Iterator[House]:
    with ExitStack() as stack:
        core = stack.enter_context(Core.open(settings))
        accounts = core.accounts()
        trainers = ReportedTrainers(core.pool)
        yield House(
            settings=settings,
            core=core,
            accounts=accounts,
            tokens=Tokens.open(Path(settings.need("token_key_file"))),
            trainers=trainers,
            dispatch=core.dispatch(accounts, {"contents": None, "trainers": trainers}),
            code_version=code_version(),
        )


def house(connection: HTTPConnection) -> House:
    found: House = connection.app.state.house
    return found


TheHouse = Annotated[House, Depends(house)]
