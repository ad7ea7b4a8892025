"""What an event on a queue says to a worker: which attempt may begin, in whose story, and when to ask again."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from nats.aio.msg import Msg

from consumers.waiting import Waiting
from infra import logs, tracing
from infra.leases import Key
from infra.published import TRACE, unpack
from infra.worker_api import Away, Busy, Gone, NoHours, Over, Turned

log = logging.getLogger(__name__)


def key_of(message: Msg) -> Key:
    """Which attempt may begin: the first, or the one that the event names."""
    stored = unpack(message).stored
    first = stored.topic == "training_job.requested"
    return Key(stored.originator_id, 1 if first else int(json.loads(stored.state)["data"]["attempt"]))


def organization_of(message: Msg) -> str:
    """Whose job it is, by the subject."""
    return message.subject.split(".")[2]


def claim_delay(error: Exception, deliveries: int) -> float:
    """Soon where the platform is away, slowly where it says no: that takes somebody to mend."""
    return 30.0 if isinstance(error, Turned) else min(15.0, 0.5 * 2 ** min(deliveries, 5))


async def settle(message: Msg, key: Key, error: Away | Turned, waiting: Waiting) -> None:
    """What becomes of a job that could not be claimed: it comes again, unless it is taken or is not there."""
    match error:
        case Over():
            log.info("%s is not for us: %s", key, error)
            await message.ack()
        case Gone():
            log.error("%s is not in the ledger: %s", key, error)
            await message.term()
        case Busy():
            log.info("%s cannot be claimed now: %s", key, error)
            waiting.refused(organization_of(message))
            await put_back(message, waiting)
        case NoHours():
            log.info("%s cannot be claimed now: %s", key, error)
            await put_back(message, waiting)
        case _:
            log.warning("%s cannot be claimed now: %s", key, error)
            await message.nak(delay=claim_delay(error, message.metadata.num_delivered or 1))


async def put_back(message: Msg, waiting: Waiting) -> None:
    """Until its turn comes; others' jobs do not wait for that."""
    await message.nak(delay=waiting.put_back(organization_of(message), message.metadata.sequence.stream))


@contextmanager
def claiming(message: Msg, key: Key) -> Iterator[None]:
    """What comes of it, also the training, belongs to the story of the request."""
    trace = (message.headers or {}).get(TRACE)
    with logs.about(job=key.job, attempt=key.attempt), tracing.span("claim", trace, "consumer", attempt=key):
        yield
