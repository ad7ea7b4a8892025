"""What went wrong, as RFC 9457 problem documents: one table from the class of an error to a status."""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

import psycopg
from eventsourcing.persistence import PersistenceError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from obstore.exceptions import BaseError as StoreError
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import Match

from api import watch
from api.faults import FieldError, fault, in_words
from commands.permission import asked_for
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Unauthenticated
from infra import logs
from infra.allowance import TooManyRequests
from infra.dispatch import Unavailable
from infra.names import PROBLEM
from infra.objects import StoreIsUnusable
from infra.reach import out_of_reach
from infra.reading import NotThereYet
from infra.redaction import in_short

MEDIA_TYPE: Final = "application/problem+json"
STATUS: Final[Mapping[type[Exception], int]] = {
    Invalid: 422,
    NotFound: 404,
    Forbidden: 403,
    Unauthenticated: 401,
    Refused: 409,
    Conflict: 409,
    Unavailable: 503,
    NotThereYet: 503,
    StoreIsUnusable: 503,
    TooManyRequests: 429,
}
# FastAPI's word for a body that it could not decode.
UNDECODABLE: Final = (400, "There was an error parsing the body")
HEADERS: Final = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}


# What was refused may name all that there is instead.
LONGEST: Final = 2_000
log = logging.getLogger(__name__)


class Problem(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] | None = None
    action: Annotated[
        str | None, Field(description="Of a right that is missing: what `/permissions/explain` takes")
    ] = None
    target: UUID | None = None


def install(app: FastAPI) -> None:
    for kind in STATUS:
        app.add_exception_handler(kind, _known)
    for kind in (psycopg.Error, SQLAlchemyError, PersistenceError, StoreError):
        app.add_exception_handler(kind, _perhaps_away)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How a route's OpenAPI names its problems."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {each: {"description": HTTPStatus(each).phrase, "content": {MEDIA_TYPE: schema}} for each in statuses}


def status_of(error: Exception) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(
    request: HTTPConnection,
    kind: str,
    status: int,
    detail: str,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    body = Problem(
        type=type_of(kind),
        title=_in_words(kind).capitalize(),
        status=status,
        detail=detail,
        instance=f"urn:uuid:{request.state.request_id}",
        errors=errors,
        **more,
    )
    return JSONResponse(body.model_dump(mode="json", exclude_none=True), status, headers=headers, media_type=MEDIA_TYPE)


def type_of(kind: str) -> str:
    """By the name of its class, which clients know from then on."""
    return f"{PROBLEM}{_in_words(kind).replace(' ', '-').lower()}"


def _in_words(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", kind)


def too_many(request: HTTPConnection, error: TooManyRequests) -> JSONResponse:
    return problem(request, "TooManyRequests", 429, str(error), headers=error.headers)


async def _known(request: Request, error: Exception) -> JSONResponse:
    status = status_of(error)
    answer = problem(
        request,
        type(error).__name__,
        status,
        _shown(str(error), LONGEST),
        headers=getattr(error, "headers", HEADERS.get(status)),
        **_missing(request, error),
    )
    answer.background = watch.after(request, status)
    return answer


def _missing(request: Request, error: Exception) -> dict[str, Any]:
    """Where a right is missing, what the caller may have explained."""
    command = getattr(request.state, "command", None)
    if not isinstance(error, Forbidden) or error.permission is None or command is None:
        return {}
    action, target = asked_for(command) or (None, None)
    return {"action": action, "target": target}


async def _perhaps_away(request: Request, error: Exception) -> JSONResponse:
    """A database or a store that is away for a moment is worth another try; anything else of theirs is our fault."""
    if isinstance(getattr(error, "orig", error), psycopg.errors.UndefinedTable):
        log.error("the projector has not made its tables yet, or `vistory migrate` was not run: %s", in_short(error))
    elif not out_of_reach(error):
        raise error
    log.warning("the request met %s", type(error).__name__)
    return problem(request, "Unavailable", 503, "a part that this needs is away; try again soon", headers=HEADERS[503])


async def _unreadable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [fault(each) for each in error.errors()[:100]]
    faults = [FieldError(field=_shown(each.field), detail=_shown(each.detail)) for each in found]
    return problem(request, "RequestIsInvalid", 422, in_words(faults), faults)


def _shown(text: str, most: int = 300) -> str:
    """Short, and with nothing that cannot be written down."""
    return text.encode(errors="backslashreplace").decode()[:most]


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if (error.status_code, error.detail) == UNDECODABLE:
        return problem(request, "RequestIsInvalid", 422, "body: it is no JSON")
    headers = error.headers if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED else _allowed(request)
    kind = HTTPStatus(error.status_code).phrase.title().replace(" ", "")
    return problem(request, kind, error.status_code, str(error.detail), headers=headers)


def _allowed(request: Request) -> dict[str, str]:
    """Of every route with this path: each of them knows only its own methods."""
    tried = [(method, {**request.scope, "method": method}) for method in ("GET", "POST", "PATCH", "PUT", "DELETE")]
    found = [m for m, scope in tried if any(r.matches(scope)[0] is Match.FULL for r in request.app.routes)]
    return {"Allow": ", ".join(found)}


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw: the log has its kind and the code that it came by, and no values; the caller is not told."""
    with logs.about(request=request.state.request_id):
        log.error("the request failed: %s", in_short(error), exc_info=error)
    return problem(request, "InternalError", 500, "something went wrong here; the request id finds it in the log")
