"""The data folder: its layout, who may enter it, and the lock that one `up` holds on it."""

import fcntl
import os
import pwd
import stat
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

PARTS = ("postgres", "nats", "objects", "mlflow", "mail", "secrets", "logs", "run")


class AlreadyRunning(Exception):
    """Another stack runs on this data folder."""

    exit_code = 75  # EX_TEMPFAIL: stop the other one, or name another folder


class UnreachableFolder(Exception):
    """PostgreSQL refuses to run as root, and the user it runs as instead cannot enter the data folder."""

    exit_code = 73  # EX_CANTCREAT


class UnusableFolder(Exception):
    """Nothing can be made at the place that was named for the data folder."""

    exit_code = 73


@dataclass(frozen=True)
class User:
    id: int
    group: int


def other_user() -> User | None:
    """Whom PostgreSQL runs as: as root it must be somebody else."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return User(nobody.pw_uid, nobody.pw_gid)


def default_folder(name: str = "up") -> Path:
    """As root below /var/lib, where other users may pass; else in the user's own data."""
    if os.geteuid() == 0:
        return Path("/var/lib/vistory") / name
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "vistory" / name


def others_may_enter(folder: Path) -> bool:
    """Whether every folder on the way may be passed by anybody."""
    return all(stat.S_IMODE(step.stat().st_mode) & stat.S_IXOTH for step in [folder, *folder.parents])


class DataFolder:
    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.user = other_user()
        self._lock: ExitStack | None = None

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def make(self) -> None:
        """Every part, closed to others; only PostgreSQL's user may pass through, to its own part."""
        try:
            self._make()
        except OSError as error:
            raise UnusableFolder(f"{error.filename}: {error.strerror}; name another data folder") from error

    def _make(self) -> None:
        missing = [step for step in [self.path, *self.path.parents] if not step.exists()]
        for step in reversed(missing):
            step.mkdir(mode=0o700, exist_ok=True)
            if self.user:
                step.chmod(0o711)
        for part in PARTS:
            (self.path / part).mkdir(mode=0o700, exist_ok=True)
        if self.user:
            self._open_to(self.user)

    def _open_to(self, user: User) -> None:
        if not others_may_enter(self.path):
            raise UnreachableFolder(
                f"PostgreSQL does not run as root but as 'nobody', who cannot enter {self.path}; "
                f"name a folder that others may pass through, for example {default_folder('mine')}"
            )
        os.chown(self.path / "postgres", user.id, user.group)

    def lock(self) -> None:
        with ExitStack() as undo:
            stream = undo.enter_context((self.path / "run" / "lock").open("a+"))
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.seek(0)
                raise AlreadyRunning(
                    f"a stack runs on {self.path} already (process {stream.read().strip() or 'unknown'}); "
                    "stop it, or name another folder"
                ) from None
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            self._lock = undo.pop_all()

    def unlock(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None
