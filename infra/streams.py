"""What stands on the bus, declared in one place: streams, their limits, durable consumers, and the bucket of leases.

Only the administrator of the bus may do this; everybody else finds the streams there. Nothing that matters lives here
alone: EVENTS is made again from the ledger, and where a durable goes on is known from PostgreSQL.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    StorageType,
    StoreCompression,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from infra.ledger import Head

EVENTS: Final = "EVENTS"
TELEMETRY: Final = "TELEMETRY"
PARKED: Final = "PARKED"
LEASES: Final = "LEASES"
LEDGER: Final = "vistory-ledger"
GENERATION: Final = "vistory-generation"
SUBSCRIPTION: Final = "vistory-subscription"
# In seconds: an event that nobody has answered for by then, nor said to be at work on, is given again.
ACK_WAIT: Final = 30.0
_DAY: Final = 24 * 3600.0
_MIB: Final = 1024 * 1024
_TELEMETRY_HOLDS: Final = [1024 * _MIB, 512 * _MIB, 256 * _MIB, 128 * _MIB, 64 * _MIB]
_NO_ROOM: Final = 10047


class Durable(NamedTuple):
    """A durable pull consumer of EVENTS: what it is given, and from which position on when it is made.

    `pending` is how many it may be given without acknowledging; jobs that are put back for a while count, too, and must
    not keep those behind them from their turn. `subscription` counts how often who reads by it began anew.
    """

    name: str
    filters: tuple[str, ...]
    start: int = 1
    pending: int = -1
    subscription: int = 1


class ForeignStream(RuntimeError):
    """The stream on the bus carries another ledger, or another generation of this one."""

    exit_code = 78  # EX_CONFIG


class BusHasNoRoom(RuntimeError):
    """JetStream sets aside what a stream may hold, and there is less left."""

    exit_code = 75  # EX_TEMPFAIL: free some, and try again


def events(head: Head, replicas: int = 1) -> StreamConfig:
    """No limit can drop history: no age, no count, no size; what does not fit is refused, not the old thrown away."""
    return StreamConfig(
        name=EVENTS,
        description="every event of the ledger: stream sequence = position",
        subjects=["vistory.events.>"],
        discard=DiscardPolicy.NEW,
        max_age=0,
        max_msgs=-1,
        max_bytes=-1,
        storage=StorageType.FILE,
        num_replicas=replicas,
        deny_delete=True,
        deny_purge=True,
        allow_atomic=True,
        allow_direct=True,
        compression=StoreCompression.S2,
        metadata={LEDGER: str(head.ledger), GENERATION: str(head.generation)},
    )


def telemetry(replicas: int = 1, holds: int = _TELEMETRY_HOLDS[0]) -> StreamConfig:
    return StreamConfig(
        name=TELEMETRY,
        description="figures and lines of running trainings; what is older is in the archive",
        subjects=["vistory.telemetry.>"],
        discard=DiscardPolicy.OLD,
        max_age=7 * _DAY,
        max_bytes=holds,
        storage=StorageType.FILE,
        num_replicas=replicas,
        allow_direct=True,
        compression=StoreCompression.S2,
    )


def parked(replicas: int = 1) -> StreamConfig:
    return StreamConfig(
        name=PARKED,
        description="what a consumer gave up on, for others to see; the list itself is in PostgreSQL",
        subjects=["vistory.parked.>"],
        discard=DiscardPolicy.OLD,
        max_bytes=32 * _MIB,
        storage=StorageType.FILE,
        num_replicas=replicas,
        allow_direct=True,
    )


def leases(replicas: int = 1) -> StreamConfig:
    """The KV bucket, without what a bucket may do by default: one writer could roll up the keys of all.

    A lease that was given up leaves a marker, so that it would fill in time without an age; and who fills it must not
    keep others from renewing.
    """
    return StreamConfig(
        name=f"KV_{LEASES}",
        description="who trains what: renewed every few seconds",
        subjects=[f"$KV.{LEASES}.>"],
        discard=DiscardPolicy.OLD,
        max_msgs_per_subject=1,
        max_age=_DAY,
        max_msg_size=4096,
        max_bytes=16 * _MIB,
        storage=StorageType.FILE,
        num_replicas=replicas,
        deny_delete=True,
        allow_rollup_hdrs=False,
        allow_direct=True,
    )


async def declare(js: JetStreamContext, head: Head, durables: Iterable[Durable], replicas: int = 1) -> None:
    """Make what is missing and bring limits up to date; done again it changes nothing. Raises ForeignStream or
    BusHasNoRoom.
    """
    await declare_events(js, head, replicas)
    await _ensure(js, parked(replicas))
    await _ensure(js, leases(replicas))
    await _ensure_first_that_fits(js, [telemetry(replicas, holds) for holds in _TELEMETRY_HOLDS])
    for durable in durables:
        await declare_durable(js, durable)


async def declare_events(js: JetStreamContext, head: Head, replicas: int = 1) -> None:
    wanted = events(head, replicas)
    try:
        found = (await js.stream_info(EVENTS)).config.metadata or {}
    except NotFoundError:
        found = wanted.metadata or {}
    if (why := foreign(found, head)) is not None:
        raise ForeignStream(why)
    await _ensure(js, wanted)


def foreign(metadata: dict[str, str], head: Head) -> str | None:
    """Why a stream with this metadata is not the one of this ledger and generation, if it is not."""
    found = metadata.get(LEDGER), metadata.get(GENERATION)
    if found == (str(head.ledger), str(head.generation)):
        return None
    return (
        f"stream EVENTS is of ledger {found[0]}, generation {found[1]}; the store is ledger {head.ledger}, "
        f"generation {head.generation}: run `vistory stream rebuild`"
    )


async def declare_durable(js: JetStreamContext, durable: Durable) -> None:
    """Make it at its start where it is missing; one that is there keeps its place."""
    config = ConsumerConfig(
        durable_name=durable.name,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=durable.start,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_deliver=-1,
        max_ack_pending=durable.pending,
        filter_subjects=list(durable.filters),
        metadata={SUBSCRIPTION: str(durable.subscription)},
    )
    try:
        there = (await js.consumer_info(EVENTS, durable.name)).config
        config = replace(config, deliver_policy=there.deliver_policy, opt_start_seq=there.opt_start_seq)
    except NotFoundError:
        pass
    await js.add_consumer(EVENTS, config)


async def _ensure_first_that_fits(js: JetStreamContext, configs: list[StreamConfig]) -> None:
    for config in configs[:-1]:
        with suppress(BusHasNoRoom):
            return await _ensure(js, config)
    await _ensure(js, configs[-1])


async def _ensure(js: JetStreamContext, config: StreamConfig) -> None:
    """Raises BusHasNoRoom."""
    try:
        await _make_or_update(js, config)
    except APIError as error:
        if error.err_code != _NO_ROOM:
            raise
        wanted = (config.max_bytes or 0) // _MIB
        raise BusHasNoRoom(
            f"NATS cannot set aside {wanted} MiB for stream {config.name}: its disk has too little room (it uses at "
            "most three quarters of what is free when it starts). Free some, or name a data folder on a larger disk"
        ) from error


async def _make_or_update(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.stream_info(str(config.name))
    except NotFoundError:
        await js.add_stream(config)
    else:
        await js.update_stream(config)
