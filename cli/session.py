"""Who is signed in where: a file of mode 0600 in the user's own settings."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.client import Api
from cli.exits import Exit, Stop
from cli.files import named_file

PROFILE = "VISTORY_PROFILE"
DEFAULT_API = "http://127.0.0.1:8000"
Address = Annotated[
    str | None,
    typer.Option("--api", envvar="VISTORY_API_URL", help="Address of the API; else where you signed in last."),
]


@dataclass(frozen=True)
class Session:
    api: str
    email: str
    token: str


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
            return Session(**json.loads(file.read_bytes())) if file.exists() else None
    except (ValueError, TypeError) as error:
        raise Stop(f"{file} is damaged; `vistory login` writes it anew", Exit.SIGNED_OUT) from error


def signed_in(address: str | None = None) -> Api:
    session = current()
    if session is None or (address and address.rstrip("/") != session.api):
        who = f"{os.environ[PROFILE]} is not" if os.environ.get(PROFILE) else "nobody is"
        raise Stop(f"{who} signed in at {address or DEFAULT_API}; `vistory login` first", Exit.SIGNED_OUT)
    return Api(session.api, session.token)
