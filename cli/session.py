"""Who is signed in where: a file of mode 0600 in the user's own settings, renewed as its tokens run out."""

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from cli.client import Api, Problem
from cli.exits import Exit, Stop
from cli.files import named_file
from cli.hint import hear_api

PROFILE = "VISTORY_PROFILE"
# An API token, for programs: as an argument everybody on the machine could read it.
TOKEN = "VISTORY_TOKEN"
DEFAULT_API = "http://127.0.0.1:8000"
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
        help=f"Address of the API; else where you are signed in, else {DEFAULT_API}.",
        callback=address_of,
    ),
]


@dataclass(frozen=True)
class Session:
    api: str
    email: str
    token: str
    refresh_token: str = ""


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


def sign_in(api: Api, email: str, password: str, code: Callable[[], str] | None = None) -> dict[str, Any]:
    """`api` asks as this person from here on, for as long as it lives. Raises CodeIsNeeded."""
    answer: dict[str, Any] = api.post("/auth/login", email=email, password=password, refresh="body")
    if "challenge" in answer:
        if code is None:
            raise CodeIsNeeded(f"a second factor is on for {email}: `vistory login {email}` asks for a code")
        proof = {"challenge": answer["challenge"], "code": code(), "refresh": "body"}
        answer = api.post("/auth/login/second-factor", **proof)
    api.token, api.renew = answer["access_token"], Renewal(api.url, answer["refresh_token"])
    return answer


def lacks_second_factor(me: Mapping[str, Any]) -> bool:
    """Whether nothing but setting it up is open to this person."""
    return bool(me["second_factor_required"] and not me["second_factor"])


def home() -> Path:
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(os.environ.get("VISTORY_HOME") or Path(settings) / "vistory")


def place() -> Path:
    """One for each person that somebody at this machine is (`vistory --as NAME`)."""
    name = os.environ.get(PROFILE, "")
    if name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}", name):
        raise Stop(f"{name!r} cannot be kept apart by: letters, digits and . _ @ + - can", Exit.USAGE)
    return home() / (f"session-{name}.json" if name else "session.json")


def keep(session: Session) -> Path:
    from infra.embedded.passwords import write_private

    file = place()
    with named_file():
        home().mkdir(parents=True, exist_ok=True, mode=0o700)
        return write_private(file, json.dumps(asdict(session)).encode())


def current() -> Session | None:
    file = place()
    try:
        with named_file():
            return _read(file) if file.exists() else None
    except (ValueError, TypeError) as error:
        raise Stop(f"{file} is damaged; `vistory login EMAIL` writes it anew", Exit.SIGNED_OUT) from error


def _read(file: Path) -> Session:
    return Session(**json.loads(file.read_bytes()))


def usual_api() -> str:
    """Where a command goes that is not told: where this person is signed in, else where whoever is none other is."""
    for file in (place(), home() / "session.json"):
        try:
            return _read(file).api
        except (OSError, ValueError, TypeError):
            continue
    return DEFAULT_API


def reached(address: str | None) -> str:
    return (address or usual_api()).rstrip("/")


def signed_in(address: str | None = None) -> Api:
    if token := os.environ.get(TOKEN, "").strip():
        return _carrying(token, address)
    session = current()
    if session is None or (address and address.rstrip("/") != session.api):
        who = f"{os.environ[PROFILE]} is not" if os.environ.get(PROFILE) else "nobody is"
        raise Stop(f"{who} signed in at {reached(address)}; `vistory login EMAIL` first", Exit.SIGNED_OUT)
    return Api(session.api, session.token, renewed if session.refresh_token else None)


def _carrying(token: str, address: str | None) -> Api:
    if not re.fullmatch(r"[!-~]{1,4096}", token):
        raise Stop(f"{TOKEN} holds no token", Exit.USAGE)
    return Api(reached(address), token)


def renewed(used: str) -> str:
    """Of several commands at once one goes on, and the others take what it got."""
    with _alone():
        session = current()
        if session is None:
            raise Stop("nobody is signed in any more; `vistory login EMAIL` first", Exit.SIGNED_OUT)
        if session.token != used:
            return session.token
        renewal = Renewal(session.api, session.refresh_token)
        try:
            token = renewal(used)
        except Problem as over:
            raise Stop(f"{over}: `vistory login {session.email}`", over.exit_code) from over
        keep(replace(session, token=token, refresh_token=renewal.refresh_token))
        return token


@contextmanager
def _alone() -> Iterator[None]:
    with place().with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
