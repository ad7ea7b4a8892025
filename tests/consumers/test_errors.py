import httpx
import psycopg
import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from consumers.errors import Done, Park, RetryAfter, Stop, verdict
from domain.errors import Conflict, NotFound
from domain.training import JobIsOver
from infra.config import MissingSetting
from infra.dispatch import Unavailable
from infra.mlflow import MlflowIsAway, MlflowRefused
from infra.published import NotAnEvent
from infra.telemetry import NotTelemetry


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("the ledger"),
        MlflowIsAway("refused"),
        httpx.ConnectError("refused"),
        psycopg.OperationalError("gone"),
        ConnectionResetError(),
        TimeoutError(),
        GenericError("Server returned non-2xx status code: 500"),
        GenericError("HTTP status client error (429 Too Many Requests) for url (http://127.0.0.1:1/vistory/a)"),
        GenericError("error sending request for url (http://127.0.0.1:400/vistory/a)"),
    ],
)
def test_whoever_is_away_is_waited_for_however_long(error: Exception) -> None:
    pauses = [verdict(error, attempts) for attempts in (1, 3, 1_000)]
    assert pauses == [RetryAfter(0.5), RetryAfter(2.0), RetryAfter(15.0)]


def test_a_refusal_by_the_ledger_settles_the_matter() -> None:
    assert verdict(JobIsOver("it is completed already"), 1) == Done("JobIsOver: it is completed already")


@pytest.mark.parametrize(
    "error", [NotAnEvent("no"), NotTelemetry("no"), MlflowRefused("INVALID_PARAMETER_VALUE", "no"), NotFound("no")]
)
def test_what_no_retry_can_mend_is_set_aside_at_once(error: Exception) -> None:
    assert isinstance(verdict(error, 1), Park)


@pytest.mark.parametrize(
    "error",
    [
        Conflict("a race"),
        ZeroDivisionError("a fault of ours"),
        GenericError("Server returned non-2xx status code: 413 Payload Too Large"),
        GenericError("HTTP status client error (400 Bad Request) for url (http://127.0.0.1:1/vistory/a)"),
        PermissionError(13, "Permission denied"),
    ],
)
def test_anything_else_is_tried_a_few_times_and_then_set_aside(error: Exception) -> None:
    assert [type(verdict(error, attempts)) for attempts in (1, 4, 5)] == [RetryAfter, RetryAfter, Park]


@pytest.mark.parametrize("error", [MissingSetting("no"), psycopg.errors.InsufficientPrivilege("no")])
def test_a_consumer_that_is_not_as_it_must_be_stops_and_says_so(error: Exception) -> None:
    assert isinstance(verdict(error, 1), Stop)


def test_what_a_store_says_of_itself_below_what_happened_is_left_out() -> None:
    error = PermissionDeniedError("it may not be written\n\nDebug source:\nGeneric {\n    store: S3 }")
    assert verdict(error, 5) == Park("PermissionDeniedError: it may not be written")
