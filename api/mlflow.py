"""MLflow's own pages, behind our sign-in.

MLflow knows no walls between organizations, so it is shown only while a single one has experiments, to its members, and
to whom no training is hidden; and what it shows is made from our history, so nobody changes it from outside: searching
is all that may be posted.
"""

import base64
import binascii
import re
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, ClassVar, Final
from urllib.parse import quote, urlsplit

import httpx
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from api import watch
from api.edge import client
from api.house import House, TheHouse
from api.person import where_to
from api.reading import viewer
from commands.access import Caller, demand
from commands.inside import has_second_factor
from domain.errors import Forbidden, NotFound, Unauthenticated
from domain.roles import Permission
from infra import api_tokens
from infra.dispatch import Unavailable
from projections import dataset, experiment, training_job
from projections.experiment import any_elsewhere
from projections.training_job import any_hidden

router = APIRouter(include_in_schema=False)
PATH: Final = "/mlflow"
# Of one hop only, or about us and not about MLflow.
KEPT_BACK: Final = (
    "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade "
    "host authorization cookie origin referer x-frame-options"
)
WALLS: Final = tuple(each.PROJECTION.name for each in (dataset, experiment, training_job))
HARMLESS: Final = frozenset({"GET", "HEAD"})
SEARCHES: Final = re.compile(r"(ajax-)?api/[0-9.]+/mlflow/[a-z-]+/search|graphql")


class NeedsSignIn(Unauthenticated):
    """Asked for in the way that makes a browser show its own form."""

    headers: ClassVar = {"WWW-Authenticate": 'Basic realm="Vistory", charset="UTF-8"'}


def visitor(request: Request, house: TheHouse) -> Caller:
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    caller = house.caller_of(rest) if kind.lower() == "bearer" else _by_password(request, house, kind, rest)
    request.app.state.limits.accounts.take(caller.id)
    demand(caller, house.ledger_as(caller), Permission.READ, None)
    if request.method not in HARMLESS and not (request.method == "POST" and SEARCHES.fullmatch(_path(request))):
        raise Forbidden("MLflow's pages are for reading; what they show is made from the history")
    return caller


def must_be_open(house: House, caller: Caller) -> None:
    """Raises Forbidden where MLflow would show what is behind a wall."""
    role = demand(caller, house.ledger_as(caller), Permission.READ, None)
    assert caller.organization_id, "none but a member may read"
    # A read model that lags knows of no wall that has just been built.
    house.reading.wait_until(WALLS, house.core.store.head().position)
    with house.reading.transaction() as tx:
        if any_elsewhere(tx, caller.organization_id):
            raise Forbidden("MLflow separates no organizations; it is shown on a platform that a single one uses")
        if any_hidden(tx, viewer(role, caller.id)):
            raise Forbidden("MLflow shows every training, and some were made from a dataset that is private to others")


@router.get(PATH)
def front() -> RedirectResponse:
    return RedirectResponse(f"{PATH}/", 308)


@router.api_route(f"{PATH}/{{path:path}}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def proxy(request: Request, house: TheHouse, caller: Annotated[Caller, Depends(visitor)]) -> Response:
    """Judged when nothing more is waited for from the visitor, and once more when MLflow has answered."""
    if house.settings.mlflow_url is None:
        raise Unavailable("there is no MLflow here")
    content = await request.body() if request.method not in HARMLESS else None
    await run_in_threadpool(must_be_open, house, caller)
    answer = await _asked(request, house.settings.mlflow_url, content)
    try:
        await run_in_threadpool(must_be_open, house, caller)
    except BaseException:
        await answer.aclose()
        raise
    headers = dict(_passed_on(answer.headers.items()))
    if "location" in headers:
        headers["location"] = PATH + urlsplit(headers["location"])._replace(scheme="", netloc="").geturl()
    return StreamingResponse(_body(answer), answer.status_code, headers)


async def _asked(request: Request, mlflow_url: str, content: bytes | None) -> httpx.Response:
    to_mlflow: httpx.AsyncClient = request.app.state.to_mlflow
    # Quoted anew: what was a letter of the path for the rule above must not end the path for MLflow.
    place = f"{mlflow_url.rstrip('/')}/{quote(_path(request))}"
    url = httpx.URL(place, query=request.url.query.encode() or None)
    asked = to_mlflow.build_request(request.method, url, headers=_passed_on(request.headers.items()), content=content)
    try:
        return await to_mlflow.send(asked, stream=True)
    except httpx.TransportError as error:
        raise Unavailable("MLflow does not answer; it may still be starting") from error


def _path(request: Request) -> str:
    """Below ours, decoded. Raises NotFound for steps that lead elsewhere."""
    path: str = request.path_params["path"]
    if any(step in (".", "..") for step in path.split("/")):
        raise NotFound("there is no such page of MLflow's")
    return path


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _by_password(request: Request, house: House, kind: str, given: str) -> Caller:
    """HTTP Basic, which is what a browser can do by itself."""
    try:
        email, colon, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        email = colon = password = ""
    if kind.lower() != "basic" or not colon:
        raise NeedsSignIn("sign in with your address and password, or send a token")
    if api_tokens.is_one(password):
        return _by_token(house, password)
    shown = house.sign_ins.remembered(email, password, client(request).address)
    if shown is None or house.account(shown.person_id).password_version != shown.password_version:
        watch.failed(request, email)
        raise NeedsSignIn("no account has this address and password")
    person_id = shown.person_id
    caller = Caller(kind="person", id=person_id, organization_id=where_to(house, person_id))
    if has_second_factor(person_id, house.ledger_as(caller)):
        raise NeedsSignIn("this account has a second factor, for which this form cannot ask: give an API token instead")
    return caller


def _by_token(house: House, token: str) -> Caller:
    """An API token in the password's place."""
    try:
        return house.caller_of(token)
    except Unauthenticated as error:
        raise NeedsSignIn(str(error)) from error


def _passed_on(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    kept_back = KEPT_BACK.split()
    return [(name, value) for name, value in headers if name.lower() not in kept_back]
