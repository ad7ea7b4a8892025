import psycopg
import pytest
from eventsourcing import persistence
from obstore.exceptions import GenericError, PermissionDeniedError
from psycopg import errors
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from infra.reach import out_of_reach

PASSING = [
    psycopg.OperationalError("connection refused"),
    errors.AdminShutdown(),
    errors.DeadlockDetected(),
    errors.DiskFull(),
    PoolTimeout(),
    OperationalError("SELECT 1", {}, errors.CannotConnectNow()),
    persistence.OperationalError(),
    GenericError("error sending request for url (http://127.0.0.1:400/vistory/a)"),
    GenericError("Server returned non-2xx status code: 503 Slow Down"),
]
LASTING = [
    ValueError("a fold"),
    errors.ProgramLimitExceeded("index row size 3000 exceeds 2704"),
    errors.UndefinedTable(),
    IntegrityError("INSERT", {}, errors.NotNullViolation()),
    DBAPIError("INSERT", {}, errors.NumericValueOutOfRange()),
    GenericError("Server returned non-2xx status code: 413 Payload Too Large"),
    PermissionDeniedError("the key may not write"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_is_tried_again(error: Exception) -> None:
    assert out_of_reach(error)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_will_fail_again_is_poison(error: Exception) -> None:
    assert not out_of_reach(error)
