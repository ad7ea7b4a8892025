"""A stream read in order, from any place on, by consumers that are made anew after any trouble."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from uuid_utils.compat import uuid7

from infra.bus import jetstream
from infra.redaction import in_short

FORGOTTEN_AFTER: Final = 30.0
log = logging.getLogger(__name__)


class Lost(Exception):
    """A message was left out between two that came."""


async def follow(
    client: Client, stream: str, after: int, *, most: int = 200, wait: float = 1.0, again: bool = True
) -> AsyncIterator[list[Msg]]:
    """What follows, a batch at a time; an empty one whenever nothing came for a while.

    After any trouble it goes on behind what came last, or else (`again=False`) raises it: the stream may be another.
    """
    while True:
        try:
            async for messages in _follow_once(jetstream(client), stream, after, most, wait):
                after = messages[-1].metadata.sequence.stream if messages else after
                yield messages
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if not again:
                raise
            log.info("reading %s again from %s on: %s", stream, after, in_short(error))
            yield []
            await asyncio.sleep(1.0)


async def last_sequence(client: Client, stream: str) -> int:
    return int((await jetstream(client).stream_info(stream)).state.last_seq)


async def _follow_once(
    js: JetStreamContext, stream: str, after: int, most: int, wait: float
) -> AsyncIterator[list[Msg]]:
    name = f"follow-{uuid7()}"
    config = ConsumerConfig(
        name=name,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=FORGOTTEN_AFTER,
        mem_storage=True,
        num_replicas=1,
    )
    await js.add_consumer(stream, config)
    reading = await js.pull_subscribe_bind(name, stream=stream)
    delivered = 0
    try:
        while True:
            messages = await _fetch(reading, most, wait)
            for message in messages:
                delivered += 1
                if message.metadata.sequence.consumer != delivered:
                    raise Lost(f"delivery {message.metadata.sequence.consumer} came instead of {delivered}")
            if not messages:
                await _nothing_is_lost(js, stream, name, delivered)
            yield messages
    finally:
        with suppress(Exception):
            await reading.unsubscribe()
        with suppress(Exception):
            await asyncio.wait_for(js.delete_consumer(stream, name), 1.0)


async def _nothing_is_lost(js: JetStreamContext, stream: str, name: str, delivered: int) -> None:
    """The client library may drop what a fetch had collected when its time is over; a consumer may be gone."""
    state = (await js.consumer_info(stream, name)).delivered
    if state is not None and state.consumer_seq != delivered:
        raise Lost(f"{state.consumer_seq} were delivered and {delivered} came")


async def _fetch(reading: JetStreamContext.PullSubscription, most: int, wait: float) -> list[Msg]:
    try:
        return await reading.fetch(most, timeout=wait)
    except (TimeoutError, NatsTimeout):
        return []
