"""What a person keeps at this machine between commands: files of mode 0600 in their own settings."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
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
        can = "letters, digits and . _ @ + -, a letter or a digit first, 100 characters at most"
        raise Stop(f"a sign-in of its own (--as) is not kept under the name {name!r}; one can have {can}", Exit.USAGE)
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
        raise Stop(f"{file} is damaged; `vistory login EMAIL` writes a new one", Exit.SIGNED_OUT) from error


def _read(file: Path) -> Session:
    return Session(**json.loads(file.read_bytes()))


def usual_api() -> str:
    """Where a command goes that is not told: where this profile is signed in, else where the default profile is.

    Where nobody is, it goes to the platform that was started here, if that is a single one.
    """
    for file in (place(), home() / "session.json"):
        try:
            return _read(file).api
        except (OSError, ValueError, TypeError):
            continue
    known = list(_folders())
    return known[0] if len(known) == 1 else DEFAULT_API


def usual_folder() -> Path:
    """Whose platform a command of this machine means that is not told: the one that all others go to."""
    from infra.embedded import default_folder

    known = folder_of(usual_api())
    return default_folder() if known is None else Path(known)


@dataclass(frozen=True)
class Seen:
    """How far the ledger of a platform was after this person's last change: what they ask next shows at least that."""

    api: str

    def position(self) -> str | None:
        """None of another platform's."""
        try:
            told = json.loads(self._file().read_bytes())
            return str(told["position"]) if told["api"] == self.api else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def reach(self, position: str) -> None:
        """A change that is done is not undone where no note of it can be kept."""
        from infra.embedded.passwords import write_private

        with suppress(OSError):
            home().mkdir(parents=True, exist_ok=True, mode=0o700)
            with alone():
                if is_later(position, self.position()):
                    write_private(self._file(), json.dumps({"api": self.api, "position": position}).encode())

    def forget(self) -> None:
        with suppress(OSError):
            self._file().unlink(missing_ok=True)

    def _file(self) -> Path:
        return place().with_suffix(".seen")


def is_later(position: str, than: str | None) -> bool:
    """A position of another ledger always counts as later."""
    ledger, _, number = position.rpartition(":")
    before, _, last = (than or "").rpartition(":")
    return ledger != before or not last.isdecimal() or int(number) > int(last)


def started(api: str, data: Path) -> None:
    """That whoever goes to this address needs this data folder to start it again, where it was started from here."""
    from infra.embedded.passwords import write_private

    with suppress(OSError):  # what runs is no failure where no hint of it can be kept
        home().mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone():
            known = {at: folder for at, folder in _folders().items() if folder != str(data)}
            write_private(home() / "platforms.json", json.dumps(known | {api: str(data)}).encode())


def folder_of(api: str) -> str | None:
    return _folders().get(api)


def _folders() -> dict[str, str]:
    """By address, of those that are there still."""
    try:
        told = json.loads((home() / "platforms.json").read_bytes())
        return {str(api): str(folder) for api, folder in told.items() if Path(str(folder)).exists()}
    except (OSError, ValueError, AttributeError):
        return {}


def go_on_with(token: str) -> None:
    """In another organization, in the same session; what another command has renewed meanwhile stays."""
    with alone():
        if (session := current()) is not None:
            keep(replace(session, token=token))


@contextmanager
def alone() -> Iterator[None]:
    """Of several commands of one person at once."""
    with place().with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
