"""What becomes of an event that a consumer could not handle: one function decides, for all of them.

Nothing is dropped in silence: an event is tried again, set aside where everybody can see it, or the consumer stops.
"""

from dataclasses import dataclass
from typing import Final

import httpx
import nats.errors
import psycopg
from psycopg_pool import PoolTimeout

from consumers.telemetry import GoneFromStream
from domain.errors import Conflict, DomainError, Refused
from infra.config import ExposedSettings, MissingSetting
from infra.dispatch import Unavailable
from infra.letters import AddressIsUnwritable
from infra.mlflow import MlflowIsAway, MlflowRefused
from infra.post import LetterIsRefused, LettersAreRefused, PostIsAway, PostRefusesUs
from infra.published import ForeignEvent, NotAnEvent
from infra.reach import out_of_reach
from infra.reading import NotThereYet
from infra.redaction import in_short
from infra.telemetry import NotTelemetry

TRIES: Final = 5
LONGEST: Final = 15.0
# Somebody else is away: that is no fault of the event, so it waits for as long as it takes.
AWAY: Final = (
    Unavailable,
    NotThereYet,
    MlflowIsAway,
    PostIsAway,
    httpx.TransportError,
    nats.errors.Error,
    psycopg.OperationalError,
    PoolTimeout,
    OSError,
    TimeoutError,
)
# Files of our own that are not there, or not ours, do not come by waiting.
NOT_AWAY: Final = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
HOPELESS: Final = (
    NotAnEvent,
    NotTelemetry,
    GoneFromStream,
    MlflowRefused,
    LetterIsRefused,
    LettersAreRefused,
    AddressIsUnwritable,
)
# The consumer itself is not as it must be: the next event would fare no better.
BROKEN: Final = (
    MissingSetting,
    ExposedSettings,
    ForeignEvent,
    PostRefusesUs,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
)


@dataclass(frozen=True)
class Done:
    """The ledger's answer was no, and that settles it: what was wanted is not wanted any more."""

    reason: str


@dataclass(frozen=True)
class RetryAfter:
    seconds: float


@dataclass(frozen=True)
class Park:
    reason: str


@dataclass(frozen=True)
class Stop:
    reason: str


Verdict = Done | RetryAfter | Park | Stop


def verdict(error: Exception, attempts: int) -> Verdict:
    """`attempts` counts this one."""
    reason = in_short(error)
    if isinstance(error, BROKEN):
        return Stop(reason)
    if isinstance(error, HOPELESS):
        return Park(reason)
    if isinstance(error, Refused):
        return Done(reason)
    if is_away(error):
        return RetryAfter(pause(attempts))
    if isinstance(error, DomainError) and not isinstance(error, Conflict):
        return Park(reason)
    return RetryAfter(pause(attempts)) if attempts < TRIES else Park(reason)


def is_away(error: Exception) -> bool:
    return out_of_reach(error) or (isinstance(error, AWAY) and not isinstance(error, NOT_AWAY))


def pause(attempts: int) -> float:
    """Longer each time, up to a limit."""
    return float(min(LONGEST, 0.25 * 2 ** min(attempts, 10)))
