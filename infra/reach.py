"""Whether an error says that a database is out of reach for now, or that the work itself cannot be done."""

from typing import Final

import psycopg
from eventsourcing import persistence
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Connection, rolled back by the server, out of resources, in use, operator: SQLSTATE's classes of what passes.
_PASSING: Final = ("08", "40", "53", "55", "57")


def out_of_reach(error: BaseException) -> bool:
    """True for what another try may find mended; false for an event that will fail again."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return out_of_reach(error.orig)
    if isinstance(error, persistence.InterfaceError | persistence.OperationalError):
        return error.__cause__ is None or out_of_reach(error.__cause__)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return error.sqlstate is None or error.sqlstate.startswith(_PASSING)
    return isinstance(error, PoolTimeout)
