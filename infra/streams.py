"""What stands on the bus, declared in one place: streams, their limits, durable consumers, and the bucket of leases.

Only the administrator of the bus may do this; everybody else finds the streams there. Nothing that matters lives here
alone: EVENTS is made again from the ledger, and where a durable goes on is known from PostgreSQL.
"""

from collections.abc import Iterable
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
from nats.js.errors import NotFoundError

from infra.ledger import Head

EVENTS: Final = "EVENTS"
TELEMETRY: Final = "TELEMETRY"
PARKED: Final = "PARKED"
LEASES: Final = "LEASES"
LEDGER: Final = "vistory-ledger"
GENERATION: Final = "vistory-generation"
_DAY: Final = 24 * 3600.0
_MIB: Final = 1024 * 1024


class Durable(NamedTuple):
    """A durable pull consumer of EVENTS: what it is given, and from which position on when it is made."""

    name: str
    filters: tuple[str, ...]
    start: int = 1


class ForeignStream(RuntimeError):
    """The stream on the bus carries another ledger, or another generation of this one."""


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


def telemetry(replicas: int = 1) -> StreamConfig:
    return StreamConfig(
        name=TELEMETRY,
        description="figures and lines of running trainings; what is older is in the archive",
        subjects=["vistory.telemetry.>"],
        discard=DiscardPolicy.OLD,
        max_age=7 * _DAY,
        max_bytes=1024 * _MIB,
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
        max_bytes=128 * _MIB,
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
        max_bytes=64 * _MIB,
        storage=StorageType.FILE,
        num_replicas=replicas,
        deny_delete=True,
        allow_rollup_hdrs=False,
        allow_direct=True,
    )


async def declare(js: JetStreamContext, head: Head, durables: Iterable[Durable], replicas: int = 1) -> None:
    """Make what is missing and bring limits up to date; done again it changes nothing. Raises ForeignStream."""
    await declare_events(js, head, replicas)
    await _ensure(js, telemetry(replicas))
    await _ensure(js, parked(replicas))
    await _ensure(js, leases(replicas))
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
        ack_wait=30,
        max_deliver=-1,
        filter_subjects=list(durable.filters),
    )
    try:
        there = (await js.consumer_info(EVENTS, durable.name)).config
        config = replace(config, deliver_policy=there.deliver_policy, opt_start_seq=there.opt_start_seq)
    except NotFoundError:
        pass
    await js.add_consumer(EVENTS, config)


async def _ensure(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.stream_info(str(config.name))
    except NotFoundError:
        await js.add_stream(config)
    else:
        await js.update_stream(config)
