"""A training as it goes, over a socket: what was missed, then what comes; and its log.

Every message has a cursor; `from` goes on behind it, so a broken line misses nothing and tells nothing twice.
What the worker of an attempt ships after something of the next was told comes too late for a socket that is open: who
follows the training from its start later is told of it in its place.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, WebSocket
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocketDisconnect

from api import errors, watch
from api.house import House, TheHouse
from api.limits import Limits
from api.reading import Member
from commands.access import Caller, demand
from domain.errors import DomainError, Forbidden, Invalid, NotFound, Unauthenticated
from domain.roles import Permission
from domain.training import Status
from domain.training_job import TrainingJob
from domain.values import Value
from infra.allowance import TooManyRequests, household
from infra.dispatch import Unavailable
from infra.feed import Feed, Place, Point
from infra.job_states import State

router = APIRouter(prefix="/training-jobs/{job_id}", tags=["training"])
CURSOR: Final = r"^[0-9]{1,9}\.[0-9]{1,15}(\.[0-9]{1,15})?$"
TOKEN_WITHIN: Final = 5.0
PAUSE: Final = 0.25
LOOKED_AT_AGAIN_EVERY: Final = 5.0
# A worker that told of the end itself ships what is left up to its word that it ended, unless it dies just then; of one
# that is lost nothing more may come. Time without the bus does not count.
SHIPPED_WITHIN: Final = 30.0
DRAINED_WITHIN: Final = 3.0
MOST_WORDS: Final = 100
REFUSED: Final[dict[type[Exception], int]] = {Unauthenticated: 4401, Forbidden: 4403, NotFound: 4404}
Cursor = Annotated[str | None, Query(pattern=CURSOR)]


class Hello(BaseModel):
    token: str


class LogLine(Value):
    cursor: str
    at: str
    line: str


class LogLines(Value):
    """`next` is the cursor to go on from: given while there may be more, also where the bus is away just now."""

    items: list[LogLine]
    next: str | None


@router.get("/logs", summary="Get the logs of a training job", responses=errors.responses(401, 403, 404, 422, 503))
async def logs(
    job_id: UUID,
    member: Member,
    house: TheHouse,
    after: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> LogLines:
    job = await asyncio.to_thread(_job, house, member.caller, job_id)
    feed = _feed(house, job, _read(after)[0])
    lines: list[LogLine] = []
    while points := await feed.next():
        for point in points:
            with suppress(ValidationError):  # a worker may say anything
                if point.fields["kind"] == "log":
                    said = {name: point.fields.get(name) for name in ("at", "line")}
                    lines.append(LogLine.model_validate(said | {"cursor": _cursor(point.place)}))
            if len(lines) == limit:
                return LogLines(items=lines, next=_cursor(point.place))
    if feed.is_cut and not lines:
        raise Unavailable("the bus is away, where the rest of the log is; try again soon")
    return LogLines(items=lines, next=_cursor(feed.place) if feed.is_cut else None)


@router.websocket("/live")
async def live(socket: WebSocket, job_id: UUID, start: Annotated[str | None, Query(alias="from")] = None) -> None:
    await socket.accept()
    house: House = socket.app.state.house
    limits: Limits = socket.app.state.limits
    try:
        with limits.strangers.one(household(socket.client.host) if socket.client else ""):
            caller = socket.state.caller = await _admitted(socket, house)
        with limits.sockets.one(caller.id):
            job = await asyncio.to_thread(_job, house, caller, job_id)
            place, version = _read(start)
            show = Show(house, caller, job_id, _feed(house, job, _with_the_last(place)), place, version)
            await _tell(socket, show)
    except DomainError as error:
        await _refuse(socket, _code(error), error)
        if isinstance(error, NotFound) and (noting := watch.after(socket, 404)):
            await noting()
    except TooManyRequests as error:
        await _refuse(socket, 4429, error)
    except WebSocketDisconnect:
        pass


@dataclass
class Show:
    """One socket's messages: the job's states from the ledger among its points from the worker, in the order of time.

    Two clocks tell that, so it is only how they are shown: each kind is whole and in its own order whatever they say.
    """

    house: House
    caller: Caller
    job_id: UUID
    feed: Feed
    place: Place
    told: int
    _looked_at: float = -LOOKED_AT_AGAIN_EVERY
    _known: int = 0
    _waiting: deque[State] = field(default_factory=deque)
    _claimed: bool = False
    _shipped: int = 0
    _quiet_since: float = 0.0
    _end: State | None = None

    async def messages(self) -> AsyncIterator[list[dict[str, Any]]]:
        """A batch at a time, an empty one while nothing happens; the last message is the end."""
        while True:
            states = await asyncio.to_thread(self._states)
            self._hear_states(states)
            points = await self.feed.next()
            self._hear_points(points)
            yield [*self._in_order(points)]
            if self._end is not None and self._is_drained(self._end):
                yield [*self._states_before(None)]
                yield [{**self._end.fields, "cursor": self._cursor(), "kind": "end", "status": self._end.status}]
                return

    def _states(self) -> list[State]:
        if time.monotonic() - self._looked_at > LOOKED_AT_AGAIN_EVERY:
            self.house.must_go_on(self.caller)
            _job(self.house, self.caller, self.job_id)
            self._looked_at = time.monotonic()
        return list(self.house.states.after(self.job_id, self._known))

    def _hear_states(self, states: Sequence[State]) -> None:
        for state in states:
            self._known = state.version
            if state.version > self.told:
                self._waiting.append(state)
            if state.status in (Status.QUEUED, Status.CLAIMED):
                self._claimed = state.status is Status.CLAIMED
            if state.is_end:
                self._end, self._quiet_since = state, time.monotonic()

    def _in_order(self, points: Sequence[Point]) -> Iterator[dict[str, Any]]:
        """Where no point comes now, no state waits for one."""
        for point in points:
            if point.place > self.place and not _is_of_the_ledger(point):
                yield from self._states_before(point)
                yield self._point(point)
        if not points:
            yield from self._states_before(None)

    def _states_before(self, point: Point | None) -> Iterator[dict[str, Any]]:
        while self._waiting and (point is None or not _is_before(point, self._waiting[0])):
            yield self._state(self._waiting.popleft())

    def _state(self, state: State) -> dict[str, Any]:
        self.told = state.version
        return {**state.fields, "cursor": self._cursor(), "kind": "state", "status": state.status}

    def _hear_points(self, points: Sequence[Point]) -> None:
        """Also of the last one before the cursor: it may be the one that says that no other comes."""
        if points or self.feed.is_cut:
            self._quiet_since = time.monotonic()
        for point in points:
            if point.fields.get("state") == "ended":
                self._shipped = point.place.attempt

    def _point(self, point: Point) -> dict[str, Any]:
        self.place = point.place
        return {**point.fields, "cursor": self._cursor()}

    def _is_drained(self, end: State) -> bool:
        within = DRAINED_WITHIN if end.is_of_a_lost_worker else SHIPPED_WITHIN
        all_came = self._shipped == end.fields["attempt"] or not self._claimed
        return all_came or time.monotonic() - self._quiet_since > within

    def _cursor(self) -> str:
        return f"{_cursor(self.place)}.{self.told}"


async def _tell(socket: WebSocket, show: Show) -> None:
    gone: asyncio.Future[Any] = asyncio.ensure_future(_gone(socket))
    try:
        with show.house.news.of(show.job_id) as news:
            async for batch in show.messages():
                for message in batch:
                    with suppress(RecursionError):  # nested as deep as nothing that a worker has to say
                        await socket.send_json(message)
                if not batch:
                    await _rest(gone, news)
                if gone.done():
                    return await socket.close(1008, "this socket is for listening") if gone.result() else None
        await socket.close(1000)
    finally:
        gone.cancel()


async def _rest(gone: asyncio.Future[Any], news: asyncio.Event) -> None:
    """For a moment, or until there is something to say or nobody to say it to."""
    told: asyncio.Future[Any] = asyncio.ensure_future(news.wait())
    await asyncio.wait({gone, told}, timeout=PAUSE, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    news.clear()


async def _gone(socket: WebSocket) -> bool:
    """When the other side has left, or, which is True, talks without end; what it says is not listened to."""
    for _ in range(MOST_WORDS):
        if (await socket.receive())["type"] == "websocket.disconnect":
            return False
    return True


async def _admitted(socket: WebSocket, house: House) -> Caller:
    """Browsers cannot set headers on a socket, and an address is written into logs: the token comes first of all."""
    try:
        text = await asyncio.wait_for(socket.receive_text(), TOKEN_WITHIN)
        return await house.caller_soon(Hello.model_validate_json(text).token)
    except (TimeoutError, ValidationError, KeyError) as error:
        raise Unauthenticated('the first message must be {"token": "..."}, within 5 seconds') from error


async def _refuse(socket: WebSocket, code: int, error: Exception) -> None:
    with suppress(WebSocketDisconnect):  # whoever knocked may have left by now
        await socket.close(code, str(error)[:120])


def _code(error: DomainError) -> int:
    return next((REFUSED[kind] for kind in type(error).__mro__ if kind in REFUSED), 4400)


def _job(house: House, caller: Caller, job_id: UUID) -> TrainingJob:
    store = house.ledger_as(caller)
    demand(caller, store, Permission.READ, None)
    return store.get(TrainingJob, job_id)


def _feed(house: House, job: TrainingJob, place: Place) -> Feed:
    who = job.recipe.framework, job.organization_id, job.id
    return Feed(house.archive, house.bus.stream, *who, place, house.following)


def _is_of_the_ledger(point: Point) -> bool:
    """As only the ledger tells it: how the training stands, and that it has ended."""
    return point.fields["kind"] == "end" or "status" in point.fields


def _is_before(point: Point, state: State) -> bool:
    """By what each says of its time; a worker may say anything."""
    with suppress(KeyError, TypeError, ValueError):
        return datetime.fromisoformat(point.fields["at"]) < datetime.fromisoformat(state.fields["at"])
    return False


def _with_the_last(place: Place) -> Place:
    return place._replace(n=max(0, place.n - 1))


def _read(cursor: str | None) -> tuple[Place, int]:
    if cursor is None:
        return Place(), 0
    if not re.fullmatch(CURSOR, cursor):
        raise Invalid("this is no cursor that was given here")
    attempt, n, *version = map(int, cursor.split("."))
    return Place(attempt, n), version[0] if version else 0


def _cursor(place: Place) -> str:
    return f"{place.attempt}.{place.n}"
