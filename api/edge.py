"""From a request to a caller and a command: who asks, under which command id, in which trace.

What only looks at the request is asynchronous: a hop to another thread costs more than all that it does there.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hmac import compare_digest
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.types import Scope
from uuid_utils.compat import uuid7

from api.body import LONGEST_OF_A_STRANGER
from api.house import House, house_of
from commands.access import Caller, Command, in_person
from commands.ports import Accepted
from domain.errors import Unauthenticated
from domain.model import Client
from domain.values import Value
from infra.bearer import digest
from infra.idempotency import command_id
from infra.names import PREFIX
from infra.unit import Errand

C = TypeVar("C", bound=Command)
_CLOSED: Final = {"WWW-Authenticate": "Bearer", "Connection": "close"}
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


class Body(Value):
    """What a request may say. Ids of owner, organization and actor are never part of it, but for a claim: there the
    process of a trainer's service that will act says which one it is.
    """


class Empty(Body):
    """The body of a request that says everything in its address."""


class NewOwner(Body):
    """Whom a thing is offered to."""

    person_id: UUID


class CommandReceipt(Value):
    """What a command made or changed."""

    id: UUID


@dataclass(frozen=True)
class Desk:
    """Hands the one command of this request over; the receipt goes out in the headers."""

    house: House
    caller: Caller
    request: Request
    response: Response
    key: str | None
    body: bytes

    @property
    def address(self) -> str:
        return client(self.request).address

    def __call__(self, command: Command, caller: Caller | None = None, *, keyed: Caller | None = None) -> Accepted:
        """`keyed` is whose key it is that the request came under, where that is not the caller's."""
        self.request.state.command = command
        accepted = self.house.dispatch(command, self._errand(caller or self.caller, keyed))
        return self._receipted(accepted)

    def before(self) -> Accepted | None:
        """What came of this very request, if it is a repeated one. Raises KeyReused where it was another."""
        before = self.house.dispatch.before(self._errand(self.caller))
        return self._receipted(before) if before else None

    def _receipted(self, accepted: Accepted) -> Accepted:
        """Also what is only told again: whoever lost the answer lost the receipt with it."""
        self.response.headers["Vistory-Position"] = f"{accepted.ledger}:{accepted.position}"
        self.response.headers["Vistory-Chain"] = accepted.chain
        return accepted

    def admit(self, command: Command) -> None:
        """Before anything is counted for it. Raises what keeps the caller from it."""
        self.request.state.command = command
        command.ACCESS.admit(command, self.caller, self.house.ledger_as(self.caller))

    @property
    def organization_id(self) -> UUID:
        """Where the caller asks. Raises Unauthenticated."""
        if self.caller.organization_id is None:
            raise Unauthenticated("sign in first")
        return self.caller.organization_id

    def _errand(self, caller: Caller, keyed: Caller | None = None) -> Errand:
        now = datetime.now(UTC)
        state = self.request.state
        return Errand(
            caller=caller,
            now=now,
            command_id=self._command_id(keyed or caller, self.key, now) if self.key else uuid7(),
            fingerprint=self._fingerprint() if self.key else None,
            correlation=state.request_id,
            traceparent=state.traceparent,
        )

    def _command_id(self, caller: Caller, key: str, now: datetime) -> UUID:
        route = f"{self.request.method} {self.request.scope['route'].path.removeprefix(PREFIX)}"
        return command_id(self.house.core.pool, _scope(caller), route, key, now)

    def _fingerprint(self) -> bytes:
        url = self.request.url
        return self.house.accounts.fingerprint(f"{url.path}?{url.query}\n".encode() + self.body)


def wish(kind: type[C], **fields: Any) -> C:
    """The command, or the caller's mistake: what one field allows another may forbid."""
    try:
        return kind(**fields)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False, include_input=False)) from error


def client(request: Request) -> Client:
    address = request.client.host if request.client else "unknown"
    agent = "".join(c for c in request.headers.get("user-agent", "") if c.isprintable())
    return Client(address=address, agent=agent[:300])


async def bearer(request: Request) -> Caller:
    """Who signed in, or the owner of an API token within its scopes; found out once for each request."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is not None:
        return caller
    token = _token(request)
    if token is None:
        raise Unauthenticated("sign in first: send `Authorization: Bearer <token>`")
    known = await house_of(request).caller_soon(token)
    caller = request.state.caller = known.model_copy(update={"client": client(request)})
    request.app.state.limits.accounts.take(caller.id)
    return caller


async def person(request: Request) -> Caller:
    """Who signed in; no API token passes for one."""
    caller = await bearer(request)
    in_person(caller)
    return caller


async def perhaps(request: Request) -> Caller | None:
    """Whoever signed in, where somebody did."""
    return await person(request) if _token(request) else None


async def service(request: Request) -> Caller:
    """A trainer's service, by the credential of its framework; which of its processes asks, that says itself."""
    return service_of(house_of(request), _token(request) or "")


def service_of(house: House, credential: str) -> Caller:
    """Raises Unauthenticated."""
    given = digest(credential).hex()
    for framework, known in house.settings.worker_credentials.items():
        if compare_digest(given, known):
            return Caller(kind="worker", id=UUID(int=0), framework=framework)
    raise Unauthenticated("this is no worker's credential")


async def holder(scope: Scope) -> tuple[object, ...]:
    """Whose token a request has, known from its headers alone. Raises HTTPException: 401 where it has none."""
    request = Request(scope)
    house, (_, _, token) = house_of(request), request.headers.get("authorization", "").partition(" ")
    with suppress(Unauthenticated):
        caller = await house.caller_soon(token)
        return caller.kind, caller.id, caller.framework
    for known in (house.tokens.worker, partial(service_of, house)):
        with suppress(Unauthenticated):
            caller = known(token)
            return caller.kind, caller.id, caller.framework
    most = LONGEST_OF_A_STRANGER // 1024
    raise HTTPException(401, f"a request over {most} KiB needs a valid token: sign in, and send it as Bearer", _CLOSED)


async def attempt(request: Request) -> Caller:
    """A worker, by the token that its claim was answered with."""
    token = _token(request)
    if token is None:
        raise Unauthenticated("the token of a claimed attempt is needed")
    return house_of(request).tokens.worker(token)


def _token(request: Request) -> str | None:
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    return token if token and scheme.lower() == "bearer" else None


class _ByToken(SecurityBase):
    """Described as what takes a bearer token. It finds out who asks by itself, for FastAPI takes as long for each
    dependency of a dependency as a command takes for its handler."""

    def __init__(self, who: Callable[[Request], Awaitable[Any]]) -> None:
        told = "What `POST /auth/login` answers, an API token, or a worker's credential"
        self.model = HTTPBearerModel(description=told)
        self.scheme_name = "HTTPBearer"
        self._who = who


class _Who(_ByToken):
    async def __call__(self, request: Request) -> Any:
        return await self._who(request)


class _Desk(_ByToken):
    async def __call__(self, request: Request, response: Response, key: Key = None) -> Desk:
        return await _desk(request, response, await self._who(request), key)


async def _anonymous(request: Request, response: Response, key: Key = None) -> Desk:
    return await _desk(request, response, Caller(kind="anonymous", id=UUID(int=0), client=client(request)), key)


async def _desk(request: Request, response: Response, caller: Caller, key: str | None) -> Desk:
    return Desk(house_of(request), caller, request, response, key, await request.body() if key else b"")


def _scope(caller: Caller) -> str:
    if caller.kind == "anonymous":
        return f"address {caller.client.address if caller.client else ''}"
    return f"{caller.kind} {caller.id} {caller.organization_id}"


Holder = Annotated[Caller, Depends(_Who(bearer))]
Person = Annotated[Caller, Depends(_Who(person))]
Perhaps = Annotated[Caller | None, Depends(_Who(perhaps))]
Service = Annotated[Caller, Depends(_Who(service))]
Attempt = Annotated[Caller, Depends(_Who(attempt))]
AnonymousDesk = Annotated[Desk, Depends(_anonymous)]
PersonDesk = Annotated[Desk, Depends(_Desk(bearer))]
OwnDesk = Annotated[Desk, Depends(_Desk(person))]
ServiceDesk = Annotated[Desk, Depends(_Desk(service))]
AttemptDesk = Annotated[Desk, Depends(_Desk(attempt))]
