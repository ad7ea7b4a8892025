"""How an error is written down: enough to find it, and nothing of whom it was about."""

import io
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError
from nats.aio.msg import Msg
from obstore.exceptions import PermissionDeniedError
from pydantic import ValidationError
from sqlalchemy import Connection, text

from domain.errors import NotFound
from domain.values import Value
from infra import logs
from infra.published import unpack
from infra.reading import engine_for
from infra.redaction import OURS, in_full, in_short
from tests.servers import Databases

ROOT: Final = Path(__file__).parent.parent.parent
SECRET: Final = "ann@example.org"


class Profile(Value):
    id: UUID
    email: str


def caught(work: Callable[[], object]) -> Exception:
    try:
        work()
    except Exception as error:
        return error
    raise AssertionError("it did all that was asked of it")


def test_a_row_that_postgresql_refuses_is_not_quoted(fresh_database: Callable[[], Databases]) -> None:
    engine = engine_for(fresh_database().owner_url)

    def asked(query: str) -> Exception:
        def work(tx: Connection) -> None:
            tx.execute(text("CREATE TEMPORARY TABLE people (email text PRIMARY KEY, id int NOT NULL)"))
            tx.execute(text("INSERT INTO people VALUES (:it, 1)"), {"it": SECRET})
            tx.execute(text(query), {"it": SECRET})

        with engine.connect() as tx:
            return caught(lambda: work(tx))

    told = {
        "INSERT INTO people VALUES (:it, NULL)": 'NotNullViolation: 23502 null value in column "id" of relation',
        "INSERT INTO people VALUES (:it, 2)": "UniqueViolation: 23505 duplicate key value violates unique constraint",
        "SELECT CAST(:it AS int)": "InvalidTextRepresentation: 22P02",
        "SELECT nothing FROM people WHERE email = :it": 'UndefinedColumn: 42703 column "nothing" does not exist',
    }
    for query, words in told.items():
        error = asked(query)
        assert isinstance(error.__cause__, psycopg.Error)
        assert "hide_parameters" in str(error)
        wrapped = IntegrityError(error)
        wrapped.__cause__ = error.__cause__
        for each in (error, error.__cause__, wrapped, ExceptionGroup("several", [error])):
            assert words in in_short(each)
            assert SECRET not in in_short(each) + in_full(each)
    engine.dispose()


def test_what_is_given_to_a_value_is_not_quoted_by_its_error() -> None:
    error = caught(lambda: Profile.model_validate({"id": SECRET, "email": {"it": SECRET}}))
    assert isinstance(error, ValidationError)
    assert SECRET not in str(error) + repr(error)
    assert in_short(error) == "ValidationError of Profile: id uuid_parsing, email string_type"


def test_what_others_say_is_told_by_kind_and_place_and_our_own_words_as_they_are() -> None:
    assert in_short(caught(lambda: int(SECRET))) == "ValueError"
    error = caught(lambda: unpack(Msg(None, headers={"ce-sequence": SECRET})))  # type: ignore[arg-type]
    assert re.fullmatch(r"NotAnEvent: .*: ValueError at infra/published\.py:\d+", in_short(error))
    assert in_short(NotFound("there is no dataset 1")) == "NotFound: there is no dataset 1"
    assert in_short(ConnectionRefusedError(111, "refused")) == "ConnectionRefusedError: [Errno 111] refused"
    assert in_short(psycopg.OperationalError("connection refused")) == "OperationalError: connection refused"
    assert in_short(PermissionDeniedError("no\n\nDebug source:\nGeneric { store: S3 }")) == "PermissionDeniedError: no"


def test_the_trace_of_an_error_in_a_log_quotes_nothing_either() -> None:
    def work() -> None:
        try:
            int(SECRET)
        except ValueError as error:
            raise KeyError(SECRET) from error

    error = caught(work)
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.Lines("a-process"))
    handler.handle(
        logging.LogRecord("l", logging.ERROR, "", 0, "it fell", None, (KeyError, error, error.__traceback__))
    )
    told = json.loads(out.getvalue())["exception"]
    assert SECRET not in told
    assert "int(SECRET)" in told
    assert told.index("ValueError") < told.index("KeyError")


def test_no_process_writes_the_text_of_any_error_down() -> None:
    """By `repr`: what is caught by its own kind may be told in its own words."""
    wrong = re.compile(r"\{(error|exception)!r\}|%r[^\n]*\berror\b|repr\(error\)")
    files = [path for package in OURS - {"cli"} for path in (ROOT / package).rglob("*.py")]
    assert [f"{path}: {found[0]}" for path in files if (found := wrong.search(path.read_text()))] == []
