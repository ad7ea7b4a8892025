"""What the API's process holds for its whole life: the composition root, opened once and closed at the end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, Self
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection
from uuid_utils.compat import uuid7

from commands.access import Caller
from commands.ports import Secrets, Store
from domain.model import SYSTEM
from domain.person import Person
from infra import api_tokens
from infra.api_tokens import ApiTokens
from infra.archive import Archive
from infra.arrivals import Arrivals
from infra.blobs import Blobs
from infra.bus_link import BusLink
from infra.code_version import code_version
from infra.config import Settings
from infra.contents import DatasetContents
from infra.delays import Delays
from infra.dispatch import Dispatch
from infra.ended import Ended
from infra.exports import Exports
from infra.job_states import JobStates
from infra.known_tokens import KnownTokens
from infra.links import Links
from infra.news import News
from infra.objects import Objects
from infra.personal_objects import PersonalObjects
from infra.places import Places
from infra.preparing import Preparing
from infra.reading import Reading
from infra.room import Rooms
from infra.second_factors import SecondFactors
from infra.secrets import Accounts
from infra.security import SecurityLog
from infra.sessions import Sessions
from infra.sign_ins import SignIns
from infra.tokens import Tokens
from infra.trainers import ReportedTrainers
from infra.trainings import Trainings
from infra.turns import Turns
from infra.unit import Errand, Unit
from infra.uploads import Uploads
from infra.usage import Usage
from infra.wiring import Core

# What is read of the object store beside handlers' threads: archives that are followed, uploads that are committed.
FOLLOWING: Final = 8
# Batches of files that are looked at, in all and of one organization: each takes seconds.
RECEIVING: Final = 16
RECEIVING_FOR_EACH: Final = 4


@dataclass(frozen=True)
class House:
    settings: Settings
    core: Core
    accounts: Accounts
    exports: Exports
    sign_ins: SignIns
    second_factors: SecondFactors
    tokens: Tokens
    sessions: Sessions
    ended: Ended
    api_tokens: ApiTokens
    known_tokens: KnownTokens
    links: Links
    blobs: Blobs
    rooms: Rooms
    uploads: Uploads
    arrivals: Arrivals
    contents: DatasetContents
    preparing: Preparing
    receiving: Turns
    following: ThreadPoolExecutor
    trainers: ReportedTrainers
    places: Places
    usage: Usage
    archive: Archive
    states: JobStates
    bus: BusLink
    news: News
    reading: Reading
    dispatch: Dispatch
    code_version: str

    @property
    def delays(self) -> Delays:
        return self.sign_ins.delays

    @property
    def security(self) -> SecurityLog:
        return self.sign_ins.security

    def caller_of(self, token: str) -> Caller:
        """Who signed in, or the owner of an API token within its scopes. Raises Unauthenticated."""
        return self.known_tokens.caller(token) if api_tokens.is_one(token) else self.person(token)

    async def caller_soon(self, token: str) -> Caller:
        """The same without holding up the loop."""
        if api_tokens.is_one(token):
            return await self.known_tokens.caller_soon(token)
        return await self.person_soon(token)

    def must_go_on(self, caller: Caller) -> None:
        """What somebody follows for longer than a request. Raises Unauthenticated once session or API token is over."""
        if caller.token_id is None:
            self.ended.refuse(caller.session_id)
        else:
            self.api_tokens.still(caller.token_id)

    def ledger_as(self, caller: Caller) -> Store:
        """The aggregates as they stand in the ledger at this moment, behind the caller's wall."""
        return self._unit(caller)

    def desk_of(self, caller: Caller) -> tuple[Store, Secrets]:
        """The same, with what may never be an event, as a command of the caller's would have both."""
        unit = self._unit(caller)
        return unit, self.dispatch.secrets(unit)

    def _unit(self, caller: Caller) -> Unit:
        core, errand = self.core, Errand(caller, datetime.now(UTC), uuid7())
        return Unit(core.store, core.mapper, errand, known=core.known)

    def person(self, token: str) -> Caller:
        """Whose access token this is. Raises Unauthenticated, also where its session has ended."""
        caller = self.tokens.person(token)
        self.ended.refuse(caller.session_id)
        return caller

    async def person_soon(self, token: str) -> Caller:
        """The same without holding up the loop."""
        caller = self.tokens.person(token)
        await self.ended.refuse_soon(caller.session_id)
        return caller

    def account(self, person_id: UUID) -> Person:
        """As it is now, for that person to read."""
        return self.ledger_as(Caller(kind="system", id=SYSTEM)).get(Person, person_id)

    def registration(self, person_id: UUID) -> Person.Registered:
        """The first fact about a person: its names, for that person to read."""
        event, _ = self.core.mapper.decode(self.core.store.events_of(person_id, limit=1)[0])
        assert isinstance(event, Person.Registered), f"{person_id} is no person"
        return event


class Shelves(NamedTuple):
    """Where content is kept, and what reads and prepares it."""

    blobs: Blobs
    rooms: Rooms
    uploads: Uploads
    arrivals: Arrivals
    contents: DatasetContents
    preparing: Preparing
    receiving: Turns
    following: ThreadPoolExecutor

    @classmethod
    def open(cls, core: Core, stack: ExitStack) -> Self:
        blobs, uploads = Blobs(core.pool, Objects.open(core.settings)), Uploads(core.pool)
        arrivals = Arrivals(blobs)
        stack.callback(arrivals.close)
        contents = DatasetContents(core.pool, blobs, uploads, arrivals)
        preparing = Preparing(contents)
        stack.callback(preparing.close)
        receiving = Turns(RECEIVING, RECEIVING_FOR_EACH, "receive")
        stack.callback(receiving.close)
        following = ThreadPoolExecutor(FOLLOWING, "follow")
        stack.callback(following.shutdown, wait=False, cancel_futures=True)
        return cls(blobs, Rooms(core.pool, blobs), uploads, arrivals, contents, preparing, receiving, following)


def _by_read_models(core: Core, reading: Reading) -> dict[str, Any]:
    """The ports that are answered by what was projected."""
    return {"trainings": Trainings(reading, core.store)}


def _credentials(core: Core) -> dict[str, Any]:
    """What says whether a session or an API token is good."""
    tokens, ended = core.api_tokens(), Ended(core.settings.need("database_url"), core.pool)
    return {"ended": ended, "api_tokens": tokens, "known_tokens": KnownTokens(tokens, ended), "links": core.links()}


@contextmanager
def open_house(settings: Settings) -> Iterator[House]:
    with ExitStack() as stack:
        core = stack.enter_context(Core.open(settings))
        shelves = Shelves.open(core, stack)
        accounts, trainers = core.accounts(), ReportedTrainers(core.pool)
        reading = stack.enter_context(closing(Reading(settings.need("database_url"))))
        places, usage = Places(core.pool, settings.limits.running_per_organization), Usage(reading)
        ports = {"contents": shelves.contents, "places": places, "trainers": trainers, "usage": usage}
        yield House(
            settings=settings,
            core=core,
            accounts=accounts,
            exports=stack.enter_context(closing(Exports(core, reading, PersonalObjects.open(settings)))),
            second_factors=core.second_factors(),
            sign_ins=SignIns.of(accounts, core.delays(), core.security(), settings.limits.requests_per_second),
            tokens=Tokens.open(Path(settings.need("token_key_file"))),
            sessions=Sessions(core.pool, accounts),
            **_credentials(core),
            **shelves._asdict(),
            trainers=trainers,
            places=places,
            usage=usage,
            archive=Archive(core.pool, shelves.blobs),
            states=JobStates(core.pool, core.mapper),
            bus=BusLink(settings.need("nats_url")),
            news=News(settings.need("database_url")),
            reading=reading,
            dispatch=core.dispatch(accounts, ports | _by_read_models(core, reading)),
            code_version=code_version(),
        )


def house_of(connection: HTTPConnection) -> House:
    found: House = connection.app.state.house
    return found


async def house(connection: HTTPConnection) -> House:
    return house_of(connection)


TheHouse = Annotated[House, Depends(house)]
