"""Whether a database or the object store is out of reach for now, or the work itself cannot be done."""

import re
from typing import Final

import psycopg
from eventsourcing import persistence
from obstore.exceptions import GenericError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.objects import StoreIsUnusable

# Connection, rolled back by the server, out of resources, in use, operator: SQLSTATE's classes of what passes.
_PASSING: Final = ("08", "40", "53", "55", "57")


# The object store tells a status in words alone: no line to it has none; of those below 500 only these pass.
_STATUS: Final = re.compile(r"\bstatus\D{0,30}?(\d{3})\b")
_PASSING_STATUS: Final = {"408", "425", "429"}


def out_of_reach(error: BaseException) -> bool:
    """True for what another try may find mended; false for an event that will fail again."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return out_of_reach(error.orig)
    if isinstance(error, persistence.InterfaceError | persistence.OperationalError):
        return error.__cause__ is None or out_of_reach(error.__cause__)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return error.sqlstate is None or error.sqlstate.startswith(_PASSING)
    if isinstance(error, GenericError):
        status = _STATUS.search(str(error).partition("\n\nDebug source:")[0])
        return status is None or status[1] >= "500" or status[1] in _PASSING_STATUS
    return isinstance(error, PoolTimeout | StoreIsUnusable)
