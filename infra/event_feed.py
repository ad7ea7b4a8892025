"""The stream EVENTS in order from a position on, with a pull request always standing: a lone event waits for nobody."""

import json
from dataclasses import dataclass, field
from typing import Final, Self
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from infra.bus import jetstream
from infra.nats_users import DOOR
from infra.streams import EVENTS

MOST: Final = 500
EXPIRES: Final = 1.0
_GRACE: Final = 2.0
_KEPT: Final = 30.0
_PASSING: Final = {"404", "408"}


class FeedBroken(Exception):
    """The consumer is gone or silent; open another feed."""


@dataclass
class EventFeed:
    """A consumer of its own, without acknowledgements: the place to go on from is in PostgreSQL, never here."""

    client: Client
    consumer: str
    subscription: Subscription
    wanted: int = field(default=0, init=False)

    @classmethod
    async def open(cls, client: Client, after: int) -> Self:
        """Deliver from the position that follows `after`."""
        name = f"feed-{uuid4().hex}"
        await jetstream(client).add_consumer(
            EVENTS,
            ConsumerConfig(
                name=name,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=_KEPT,
                mem_storage=True,
                num_replicas=1,
            ),
        )
        return cls(client, name, await client.subscribe(client.new_inbox()))

    async def next(self) -> list[Msg]:
        """What has come, without waiting for more; nothing after a quiet second. Raises FeedBroken."""
        if self.wanted == 0:
            await self._ask()
        try:
            found = [await self.subscription.next_msg(timeout=EXPIRES + _GRACE)]
        except TimeoutError as error:
            raise FeedBroken("the bus does not answer") from error
        while self.subscription.pending_msgs:
            found.append(await self.subscription.next_msg(timeout=EXPIRES))
        return [message for message in found if self._is_event(message)]

    async def close(self) -> None:
        await self.subscription.unsubscribe()
        await jetstream(self.client).delete_consumer(EVENTS, self.consumer)

    async def _ask(self) -> None:
        self.wanted = MOST
        request = {"batch": MOST, "expires": int(EXPIRES * 1e9)}
        await self.client.publish(
            f"{DOOR}.CONSUMER.MSG.NEXT.{EVENTS}.{self.consumer}",
            json.dumps(request).encode(),
            reply=self.subscription.subject,
        )

    def _is_event(self, message: Msg) -> bool:
        """An event, or word that the request is over. Raises FeedBroken."""
        status = (message.headers or {}).get("Status")
        if status is None:
            self.wanted -= 1
            return True
        if status not in _PASSING:
            raise FeedBroken(f"{status} {(message.headers or {}).get('Description', '')}".strip())
        self.wanted = 0
        return False
