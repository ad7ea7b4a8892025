"""Who is signed in, and how: by a session that is renewed as its tokens run out, or by an API token."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from shlex import quote
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from cli.client import Api, Problem
from cli.exits import Exit, Stop
from cli.hint import hear_api
from cli.kept import DEFAULT_API, PROFILE, Seen, Session, alone, current, keep, usual_api
from cli.output import complain, moment
from infra.names import PROBLEM

# An API token, for programs: as an argument everybody on the machine could read it.
TOKEN = "VISTORY_TOKEN"
# Problems of the API that mean: another code is worth a try; nobody is known by this; no refresh token of its own.
WRONG_CODE = f"{PROBLEM}wrong-code"
NOBODY_KNOWN = f"{PROBLEM}unauthenticated"
GIVEN_ELSEWHERE = f"{PROBLEM}not-given-here"
ASKED = "your organization asks for a second factor: `vistory second-factor on` comes before anything else"


def address_of(given: str | None) -> str | None:
    """Raises Stop where it is no address that could ever answer."""
    parts = urlsplit(given or DEFAULT_API)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Stop(f"the address of an API is written like {DEFAULT_API}, not {given!r}", Exit.USAGE)
    return hear_api(given)


Address = Annotated[
    str | None,
    typer.Option(
        "--api",
        envvar="VISTORY_API_URL",
        metavar="URL",
        help=f"Address of the API; else where you are signed in, else what was started here, else {DEFAULT_API}.",
        callback=address_of,
    ),
]


@dataclass
class Renewal:
    """Gets another access token where one has run out; the refresh token gives way to another each time."""

    url: str
    refresh_token: str

    def __call__(self, used: str) -> str:
        with Api(self.url) as door:
            pair = door.post("/auth/refresh", refresh_token=self.refresh_token)
        self.refresh_token = pair["refresh_token"]
        return str(pair["access_token"])


class CodeIsNeeded(Stop):
    """A second factor is on, and there is nobody to ask for a code."""


class NobodyKnown(Problem):
    """Nobody has this address and password; the message tells how another password is set."""

    def __init__(self, refused: Problem, email: str) -> None:
        another = f"where you forgot it, `vistory password forgot {quote(email)}` has a letter sent that sets another"
        super().__init__(refused.status, {**refused.document, "detail": f"{refused}; {another}"})


def sign_in(
    api: Api, email: str, password: str, code: Callable[[], str] | None = None, *, tries: int = 1, **where: str
) -> dict[str, Any]:
    """`api` asks as this person from here on, for as long as it lives. Raises CodeIsNeeded."""
    answer = by_password(api, email, password, **where)
    if "challenge" in answer:
        if code is None:
            raise CodeIsNeeded(f"a second factor is on for {email}: `vistory login {email}` asks for a code")
        answer = answered(api, answer["challenge"], code, tries)
    api.token, api.renew = answer["access_token"], Renewal(api.url, answer["refresh_token"])
    return answer


def by_password(api: Api, email: str, password: str, **where: str) -> dict[str, Any]:
    """Raises NobodyKnown."""
    try:
        return dict(api.post("/auth/login", email=email, password=password, refresh="body", **where))
    except Problem as refused:
        if refused.document.get("type") != NOBODY_KNOWN:
            raise
        raise NobodyKnown(refused, email) from refused


def answered(api: Api, challenge: str, code: Callable[[], str], tries: int) -> dict[str, Any]:
    """A code that is wrong is asked for again, the password is not. Raises Problem where the last is wrong, too."""
    proof = {"challenge": challenge, "refresh": "body"}
    for _ in range(tries - 1):
        try:
            return dict(api.post("/auth/login/second-factor", code=code(), **proof))
        except Problem as refused:
            if refused.document.get("type") != WRONG_CODE:
                raise
            complain(f"vistory: {refused}")
    return dict(api.post("/auth/login/second-factor", code=code(), **proof))


def lacks_second_factor(me: Mapping[str, Any]) -> bool:
    """Whether nothing but setting it up is open to this person."""
    return bool(me["second_factor_required"] and not me["second_factor"])


def standing(door: Api, me: Mapping[str, Any]) -> dict[str, Any] | None:
    """The organization that somebody has a role in and is in now, as one of theirs, also where it is closed."""
    found: list[dict[str, Any]] = door.get("/auth/me/organizations")
    return next((each for each in found if each["id"] == me["organization_id"]), None)


def closed(here: Mapping[str, Any] | None) -> str:
    """What is said of it; nothing of one that is open."""
    if here is None or not here["closed_at"]:
        return ""
    if here["role"] == "admin":
        return f"{here['name']} is closed; `vistory organization show` tells until when you can reopen it"
    return f"{here['name']} is closed: nothing in it is open to you; `vistory organization switch NAME` goes elsewhere"


def leaving(due_at: str | None) -> str:
    return f"your account is erased at {moment(due_at)}; `vistory person stay` cancels that" if due_at else ""


def reached(address: str | None) -> str:
    return (address or usual_api()).rstrip("/")


def carried() -> str:
    """The API token of a program; nothing for whoever signs in themselves."""
    return os.environ.get(TOKEN, "").strip()


def signed_in(address: str | None = None) -> Api:
    if token := carried():
        return _carrying(token, address)
    session = current()
    if session is None or (address and address.rstrip("/") != session.api):
        who = f"{os.environ[PROFILE]} is not" if os.environ.get(PROFILE) else "nobody is"
        raise Stop(f"{who} signed in at {reached(address)}; `vistory login EMAIL` first", Exit.SIGNED_OUT)
    return Api(session.api, session.token, renewed if session.refresh_token else None, Seen(session.api))


def _carrying(token: str, address: str | None) -> Api:
    if not re.fullmatch(r"[!-~]{1,4096}", token):
        raise Stop(f"{TOKEN} holds no token", Exit.USAGE)
    return Api(reached(address), token, kept=Seen(reached(address)))


def why(over: Problem, session: Session) -> str:
    """A token that was given elsewhere was not made up by who has it."""
    if over.document.get("type") != GIVEN_ELSEWHERE:
        return str(over)
    return f"you are signed in at another platform than the one that answers at {session.api} now; sign in here"


def renewed(used: str) -> str:
    """Of several commands at once one goes on, and the others take what it got."""
    with alone():
        session = current()
        if session is None:
            raise Stop("nobody is signed in any more; `vistory login EMAIL` first", Exit.SIGNED_OUT)
        if session.token != used:
            return session.token
        renewal = Renewal(session.api, session.refresh_token)
        try:
            token = renewal(used)
        except Problem as over:
            raise Stop(f"{why(over, session)}: `vistory login {session.email}`", over.exit_code) from over
        keep(replace(session, token=token, refresh_token=renewal.refresh_token))
        return token
