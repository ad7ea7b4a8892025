"""How an error is written down: what kind it is and what happened, never the values that it was about.

Logs, `work.positions`, `work.parked` and the stream of parked events are kept where no erasure reaches, and the text of
many an error holds a whole row.
"""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import psycopg
from eventsourcing.persistence import PersistenceError
from obstore.exceptions import BaseError as StoreError
from pydantic import ValidationError
from sqlalchemy.exc import StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

LONGEST: Final = 2_000
MOST_FAULTS: Final = 10
OURS: Final = frozenset({"api", "cli", "commands", "consumers", "domain", "infra", "projections"})
_ROOT: Final = Path(__file__).parent.parent
# Whose words name files, addresses of servers and numbers; those of nats-py are told by their module.
_HARMLESS: Final = (OSError, httpx.TransportError, PoolTimeout)
# SQLSTATE's class of data exceptions: PostgreSQL quotes values that it could not read. What kind it is, psycopg says.
_QUOTING: Final = "22"


def in_short(error: BaseException) -> str:
    """For logs and tables."""
    return _words(error)[:LONGEST].replace("\x00", "")


def in_full(error: BaseException) -> str:
    """With the lines of code that it came by, and what it came of."""
    return "\n\n".join("".join(traceback.format_tb(each.__traceback__)) + in_short(each) for each in _story(error))


def place(error: BaseException) -> str:
    """Where in our code it was, as `file:line`; empty where it was nowhere in it."""
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in OURS:
            found = f"{path.relative_to(_ROOT)}:{line}"
    return found


def _words(error: BaseException) -> str:
    kind = type(error).__name__
    if isinstance(error, StatementError) and error.orig is not None:
        return _words(error.orig)
    if isinstance(error, PersistenceError) and error.__cause__ is not None:
        return _words(error.__cause__)
    if isinstance(error, BaseExceptionGroup):
        return f"{kind} of {'; '.join(_words(each) for each in error.exceptions)}"
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:MOST_FAULTS]
        said = ", ".join(f"{'.'.join(map(str, each['loc']))} {each['type']}" for each in faults)
        return f"{kind} of {error.title}: {said}"
    said = _of_postgres(error) if isinstance(error, psycopg.Error) else _own(error)
    return f"{kind}: {said}" if said else f"{kind} at {at}" if (at := place(error)) else kind


def _of_postgres(error: psycopg.Error) -> str:
    """Never its detail, which is the row; what psycopg says itself is harmless only of the line to the server."""
    if error.sqlstate is None:
        return str(error) if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else ""
    words = "" if error.sqlstate.startswith(_QUOTING) else f" {error.diag.message_primary or ''}"
    return f"{error.sqlstate}{words}".rstrip()


def _own(error: BaseException) -> str:
    if isinstance(error, StoreError):
        return str(error).partition("\n\nDebug source:")[0]
    known = type(error).__module__.partition(".")[0] in {*OURS, "nats"}
    return str(error) if known or isinstance(error, _HARMLESS) else ""


def _story(error: BaseException) -> Iterator[BaseException]:
    """What came first, first."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return reversed(chain)
