"""What a person keeps at this machine between commands: files of mode 0600 in their own settings."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.exits import Exit, Stop
from cli.files import named_file

PROFILE = "VISTORY_PROFILE"
DEFAULT_API = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Session:
    """Who is signed in where."""

    api: str
    email: str
    token: str
    refresh_token: str = ""


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


@contextmanager
def alone() -> Iterator[None]:
    """Of several commands of one person at once."""
    with place().with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
