"""Lets downstream systems onto the bus, looks whether whoever is there still may be, and keeps their durables.

A service account knocks with an API token of its own, for the scope audit, as the password. What the ledger says of
token and account at that moment decides; it is asked again every few seconds about everybody who is connected.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError
from uuid_utils.compat import uuid7

from commands.access import demand
from consumers.acting import CALLER
from consumers.pace import regularly
from domain.api_token import ApiToken
from domain.errors import DomainError, Forbidden
from domain.roles import Permission
from domain.service_account import ServiceAccount
from infra import logs
from infra.api_tokens import ApiTokens
from infra.bus import jetstream
from infra.bus_pass import Issuer, Knock
from infra.nats_users import ASKED_AT, CONNECTED_AT, KICKED_AT, door, of_subscriber
from infra.redaction import in_short
from infra.streams import EVENTS, SUBSCRIPTION, declare_durable
from infra.subscribers import Subscriber, Subscribers
from infra.unit import Errand, Unit
from infra.wiring import Core

# With what `Door` needs to look, and the second in which servers say who is there: who may not is gone in ten seconds.
LOOKED_EVERY: Final = 5.0
TOLD_WITHIN: Final = 1.0
# Who was let in just before its place ended may be about to appear.
QUIET_FOR: Final = 30.0
# Of whoever knocks: each costs a thread and a connection to the database, and waits at most as long as the server does.
ANSWERED_AT_ONCE: Final = 4
MOST_WAITING: Final = 256
MOST_CONNECTIONS: Final = 4_096
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Door:
    core: Core
    tokens: ApiTokens
    subscribers: Subscribers
    issuer: Issuer

    @classmethod
    def of(cls, core: Core, issuer: Issuer) -> Self:
        return cls(core, core.api_tokens(), Subscribers(core.pool), issuer)

    def judge(self, knock: Knock) -> tuple[bytes, Subscriber | None]:
        """The answer, and who it is that is let in."""
        now = datetime.now(UTC)
        try:
            token = self.tokens.carried(knock.password)
            found = self.place_of(token)
        except DomainError as error:
            return self.issuer.turn_away(knock, str(error), now), None
        publish = [door(subject) for subject in of_subscriber(found.place)]
        allowed = (publish, ["_INBOX.>"])
        return self.issuer.let_in(knock, found.name, str(token.id), *allowed, now, token.expires_at), found

    def place_of(self, token: ApiToken) -> Subscriber:
        """Where a token that is good leads to at this moment. Raises DomainError."""
        caller = self.tokens.bearer(token)
        errand = Errand(caller, datetime.now(UTC), uuid7())
        store = Unit(self.core.store, self.core.mapper, errand, known=self.core.known)
        demand(caller, store, Permission.READ_HISTORY, None)
        account = store.find(ServiceAccount, caller.id)
        found = self.subscribers.of(caller.id) if account and account.holds_place else None
        if found is None:
            raise Forbidden("this token is of nobody who subscribed; an admin lets a service account subscribe")
        return found

    def still_may(self, name: str, account: str) -> bool:
        """Whoever is in an account of the bus under this name."""
        with suppress(DomainError, ValueError):
            return self.place_of(self.tokens.still(UUID(name))).name == account
        return False

    def holds_place(self, subscriber: Subscriber) -> bool:
        errand = Errand(CALLER, datetime.now(UTC), uuid7())
        store = Unit(self.core.store, self.core.mapper, errand, known=self.core.known)
        account = store.find(ServiceAccount, subscriber.service_account_id)
        return account is not None and account.holds_place


class Connection(NamedTuple):
    server: str
    number: int
    account: str
    name: str


@dataclass
class Doorkeeper:
    client: Client
    door: Door
    # place and subscription → since when nobody holds it any more
    _ended: dict[tuple[int, int], float] = field(default_factory=dict)
    _complaints: logs.Complaints = field(default_factory=lambda: logs.Complaints(log))

    async def answer(self) -> None:
        """Whoever knocks, until cancelled. Who is not heard is shut out by the server, and may knock again."""
        waiting: asyncio.Queue[Msg] = asyncio.Queue(MOST_WAITING)
        answering = [asyncio.create_task(self._answer_all(waiting)) for _ in range(ANSWERED_AT_ONCE)]
        knocks = await self.client.subscribe(ASKED_AT, queue="doorkeepers")
        try:
            async for message in knocks.messages:
                try:
                    waiting.put_nowait(message)
                except asyncio.QueueFull:
                    self._complaints.hear(f"more than {MOST_WAITING} wait at the door of the bus; some are not heard")
        finally:
            for each in answering:
                each.cancel()
            await knocks.unsubscribe()

    async def _answer_all(self, waiting: asyncio.Queue[Msg]) -> None:
        while True:
            message = await waiting.get()
            try:
                answer, found = await asyncio.to_thread(self.door.judge, Knock.of(message.data))
                if found is not None:
                    await self._tend(found)
                await message.respond(answer)
            except Exception as error:
                self._complaints.hear(f"somebody at the door of the bus gets no answer: {in_short(error)}")

    async def watch(self) -> None:
        """Until cancelled."""
        await regularly(self.look, LOOKED_EVERY)

    async def look(self) -> None:
        """Once: send away who may not be there any more, tend the places that are held, and free those that are not."""
        places = await asyncio.to_thread(self.door.subscribers.all)
        there = [each async for each in self._connections({each.name for each in places})] if places else []
        for each in there:
            if not await asyncio.to_thread(self.door.still_may, each.name, each.account):
                await self._send_away(each)
        occupied = {each.account for each in there}
        for subscriber in places:
            if await asyncio.to_thread(self.door.holds_place, subscriber):
                self._ended.pop((subscriber.place, subscriber.subscription), None)
                await self._tend(subscriber)
            else:
                await self._end(subscriber, subscriber.name in occupied)

    async def _tend(self, subscriber: Subscriber) -> None:
        """Its durable is there, and where it stands is kept; one of an earlier subscription stands elsewhere."""
        stream = jetstream(self.client)
        try:
            info = await stream.consumer_info(EVENTS, subscriber.name)
        except NotFoundError:
            return await declare_durable(stream, subscriber.durable)
        subscription = int((info.config.metadata or {}).get(SUBSCRIPTION, 1))
        if subscription < subscriber.subscription:
            await self._remove(subscriber)
            await declare_durable(stream, subscriber.durable)
        elif info.ack_floor is not None and subscription == subscriber.subscription:
            await asyncio.to_thread(self.door.subscribers.note, subscriber, info.ack_floor.stream_seq)

    async def _remove(self, subscriber: Subscriber) -> None:
        with suppress(NotFoundError):
            await jetstream(self.client).delete_consumer(EVENTS, subscriber.name)

    async def _end(self, subscriber: Subscriber, occupied: bool) -> None:
        """It hears nothing from now on; its place is given away when it is certain that nobody is left there."""
        await self._remove(subscriber)
        which = subscriber.place, subscriber.subscription
        since = self._ended.setdefault(which, time.monotonic())
        if not occupied and time.monotonic() - since > QUIET_FOR:
            await asyncio.to_thread(self.door.subscribers.free, subscriber)
            del self._ended[which]

    async def _connections(self, accounts: set[str]) -> AsyncIterator[Connection]:
        """Every server tells of its own; how many there are nobody knows, so all that come in time are heard."""
        answers = await self.client.subscribe(place := self.client.new_inbox())
        asked = {"auth": True, "limit": MOST_CONNECTIONS}
        await self.client.publish(CONNECTED_AT, json.dumps(asked).encode(), reply=place)
        until = time.monotonic() + TOLD_WITHIN
        try:
            while (left := until - time.monotonic()) > 0:
                for each in _told(json.loads((await answers.next_msg(left)).data)):
                    if each.account in accounts:
                        yield each
        except TimeoutError:
            pass
        finally:
            await answers.unsubscribe()

    async def _send_away(self, each: Connection) -> None:
        log.info("subscriber %s is sent away: its token is not good for it any more", each.account)
        subject = KICKED_AT.replace("*", each.server)
        await self.client.request(subject, json.dumps({"cid": each.number}).encode(), timeout=TOLD_WITHIN)


def _told(answer: Any) -> list[Connection]:
    server = answer["server"]["id"]
    told = answer["data"]["connections"] or []
    return [Connection(server, each["cid"], each.get("account", ""), each.get("authorized_user", "")) for each in told]
