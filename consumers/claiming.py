"""What an event on a queue says to a worker: which attempt may begin, in whose story, and when to ask again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from nats.aio.msg import Msg

from infra import logs, tracing
from infra.leases import Key
from infra.published import TRACE, unpack
from infra.worker_api import Busy, Turned


def key_of(message: Msg) -> Key:
    """Which attempt may begin: the first, or the one that the event names."""
    stored = unpack(message).stored
    first = stored.topic == "training_job.requested"
    return Key(stored.originator_id, 1 if first else int(json.loads(stored.state)["data"]["attempt"]))


def claim_delay(error: Exception, deliveries: int) -> float:
    """Soon where the platform is away, slowly where it says no: that takes somebody to mend.

    Where the organization has its share, others' jobs come first; the longer one waits, the less often it asks.
    """
    if isinstance(error, Busy):
        return min(30.0, 3.0 + deliveries / 4)
    return 30.0 if isinstance(error, Turned) else min(15.0, 0.5 * 2 ** min(deliveries, 5))


@contextmanager
def claiming(message: Msg, key: Key) -> Iterator[None]:
    """What comes of it, also the training, belongs to the story of the request."""
    trace = (message.headers or {}).get(TRACE)
    with logs.about(job=key.job, attempt=key.attempt), tracing.span("claim", trace, "consumer", attempt=key):
        yield
