"""A whole platform with its servers beside it, reached over roads that can be cut; and how often each part died."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from pydantic import SecretStr

from cli.client import Api
from cli.local import settings_of
from cli.platform import Platform, running
from infra.config import Settings
from infra.embedded import FRAMEWORKS, Change, Stack, State
from infra.embedded.group import Group
from infra.embedded.passwords import Passwords
from infra.embedded.ports import Ports
from infra.nats_users import ADMIN
from tests.cluster import SERVERS as BUS
from tests.cluster import Cluster, cluster
from tests.faults.proxy import HOST, Proxy
from tests.whole import waited

TRAINING: Final = "the training itself"
CRAMPED: Final = ("postgres", "nats", "objects", "mail")
SERVERS: Final = ("postgres", "nats", "objects", "mlflow")
# Between a letter and the note of it, or between the letter and its receipt.
WRITES: Final = ("consumers", "mail")
OURS: Final = ("relay", "projector", "consumers", "api", "trainer-timm", "trainer-ultralytics")


@dataclass
class House:
    servers: Stack
    roads: dict[str, Proxy]
    platform: Platform = field(init=False)
    away: set[str] = field(default_factory=set)
    died: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    # When a part was last ended.
    struck_at: float = 0.0
    clock: Path = Path("/dev/null")
    # Where the bus has several servers.
    bus: Cluster | None = None
    # Those that stand beside the platform for a while.
    guests: list[Group] = field(default_factory=list)

    def hear(self, change: Change) -> None:
        if change.state is State.RESTARTED:
            self.away.discard(change.name)
        elif change.state is State.DIED:
            self.away.add(change.name)
            self.died[change.name] += 1

    @property
    def data(self) -> Path:
        return self.platform.stack.folder.path

    @property
    def attempts(self) -> Path:
        """What the trainer keeps of those that it has not done with."""
        return self.data / "trainer-timm" / "attempts"

    @property
    def settings(self) -> Settings:
        return settings_of(self.data)

    @property
    def owner(self) -> Settings:
        """With the rights of whoever keeps the bus and the databases, and past every road."""
        told = self.platform.stack.told.settings_for("migrate")
        names, parts = self.servers.told.names, self.servers.parts
        direct = {
            "database_url": parts.database_url("vistory_owner", names.ledger),
            "keys_database_url": parts.keys_database_url("vistory_owner", names.keys),
            "nats_url": parts.nats_url("admin"),
        }
        return Settings.model_validate(told | direct)

    @property
    def direct(self) -> Settings:
        """What the command line is told, but past every road."""
        return self.settings.model_copy(update={"database_url": SecretStr(self.ledger_url)})

    @property
    def ledger_url(self) -> str:
        return self.servers.parts.database_url("vistory_app", self.servers.told.names.ledger)

    @property
    def parts(self) -> tuple[str, ...]:
        """Of the platform, and the servers that it was told of."""
        return (*OURS, *(each for each in SERVERS if each != "nats" or not self.bus), *(BUS if self.bus else ()))

    def pid(self, part: str) -> int | None:
        groups = [*self.guests, *([self.bus.group] if self.bus else [])]
        pids = self.servers.pids() | self.platform.stack.pids()
        for group in groups:
            pids |= group.pids()
        if part == TRAINING:
            return training_of(pids["trainer-timm"]) if "trainer-timm" in pids else None
        return pids.get(part)

    @contextmanager
    def joined_by(self, group: Group) -> Iterator[None]:
        self.guests.append(group)
        try:
            yield
        finally:
            self.guests.remove(group)

    def send(self, part: str, number: signal.Signals) -> int | None:
        """Whom it reached."""
        if (pid := self.pid(part)) is not None:
            os.kill(pid, number)
        return pid

    def letters_cut_off(self) -> int:
        """How often a letter may have come without its receipt: whoever wrote or took it was ended, or the way was."""
        return sum(self.killed[part] for part in WRITES) + self.roads["mail"].severed

    def kill(self, part: str) -> bool:
        """Whether there was one; it is gone then."""
        self.struck_at = time.time()
        pid = self.send(part, signal.SIGKILL)
        if pid is not None:
            self.killed[part] += 1
            waited(lambda: self.pid(part) != pid, 30, f"{part} is gone")
        return pid is not None

    def is_whole(self) -> bool:
        """Every part runs, and whoever died is ready again."""
        return not self.away and all(self.pid(part) for part in self.parts)

    def new_deaths(self) -> dict[str, int]:
        """How often each part ended that nobody had killed, since this was asked last."""
        found = {part: more for part, count in self.died.items() if (more := count - self.killed[part]) > 0}
        self.killed.update(found)
        return found

    def sign_in(self) -> Api:
        return self.platform.sign_in()

    def positions(self) -> dict[str, tuple[int, str | None]]:
        with psycopg.connect(self.ledger_url) as connection:
            rows = connection.execute("SELECT consumer, position, stopped FROM work.positions").fetchall()
        return {consumer: (position, stopped) for consumer, position, stopped in rows}


def training_of(service: int) -> int | None:
    """The process that a trainer's service has training now."""
    try:
        return next((child.pid for child in psutil.Process(service).children() if trains(child)), None)
    except psutil.Error:  # it ended just now
        return None


def trains(process: psutil.Process) -> bool:
    try:
        return any(word.endswith("job.json") for word in process.cmdline())
    except psutil.Error:
        return False


@contextmanager
def housed(folder: Path, clustered: bool = False) -> Iterator[House]:
    """Servers in one folder, the platform in another: it is told of them by URL, and every URL leads over a road.

    `clustered`: the bus is three servers, each of which keeps everything.
    """
    with ExitStack() as opened:
        early: list[Change] = []
        found: list[House] = []

        def hear(change: Change) -> None:
            early.append(change)
            for house in found:
                house.hear(change)

        bus = opened.enter_context(bus_of_three(folder, hear)) if clustered else None
        settings = Settings(nats_url=SecretStr(bus.url(ADMIN))) if bus else Settings()
        servers = opened.enter_context(Stack(folder / "servers", settings=settings, on_event=hear))
        servers.start_servers()
        servers.await_ready("mlflow")
        roads = {name: opened.enter_context(Proxy(port)) for name, port in ports_of(servers).items()}
        # The NATS server must know our users, so both have the same secrets.
        shutil.copytree(servers.folder / "secrets", folder / "data" / "secrets")
        api_port = api_port_in(folder / "data")
        roads["api"] = opened.enter_context(Proxy(api_port))
        house = House(servers, roads, bus=bus)
        found.append(house)
        with pytest.MonkeyPatch.context() as environment:
            for name, value in (told(servers, roads) | ({"VISTORY_NATS_REPLICAS": "3"} if bus else {})).items():
                environment.setenv(name, value)
            house.platform = opened.enter_context(running(folder / "data", hear))
        yield house


@contextmanager
def bus_of_three(folder: Path, hear: Callable[[Change], None]) -> Iterator[Cluster]:
    """With the secrets of the servers beside it."""
    secrets = folder / "servers" / "secrets"
    for place in (secrets, folder / "bus"):
        place.mkdir(mode=0o700, parents=True)
    with cluster(folder / "bus", Passwords(secrets), FRAMEWORKS, hear) as bus:
        asyncio.run(bus.agree())
        yield bus


@contextmanager
def disks(folder: Path, cramped: bool) -> Iterator[None]:
    """With `cramped`, a small disk of its own for each part that keeps something; that takes root."""
    with ExitStack() as mounted:
        for place in (folder / "data", *(folder / "servers" / part for part in CRAMPED)) if cramped else ():
            place.mkdir(parents=True)
            place.parent.chmod(0o711)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2G", "tmpfs", str(place)], check=True)
            mounted.callback(subprocess.run, ["umount", "-l", str(place)], check=True)
        yield


def api_port_in(data: Path) -> int:
    """Chosen before the platform is there, and remembered for it."""
    (data / "run").mkdir(mode=0o700, parents=True)
    data.chmod(0o711)
    with closing(Ports(data / "run" / "ports.json")) as ports:
        return ports.near("api")


def ports_of(servers: Stack) -> dict[str, int]:
    parts = servers.parts
    addresses = {
        "postgres": parts.admin_url,
        "nats": parts.nats_url("admin"),
        "objects": parts.s3_url,
        "mlflow": parts.mlflow_url,
    }
    ports = {name: urlsplit(url).port or 0 for name, url in addresses.items()}
    return {**ports, "mail": parts.mail_settings.at_port}


def told(servers: Stack, roads: dict[str, Proxy]) -> dict[str, str]:
    keys, parts = servers.parts.s3_keys("vistory"), servers.parts
    mail = parts.mail_settings
    assert mail.user, "the embedded mail server knows one user"
    assert mail.password
    return {
        "VISTORY_DATABASE_URL": roads["postgres"].instead(parts.admin_url),
        "VISTORY_NATS_URL": roads["nats"].instead(parts.nats_url("admin")),
        "VISTORY_S3_URL": roads["objects"].instead(parts.s3_url),
        "VISTORY_S3_ACCESS_KEY": keys.access,
        "VISTORY_S3_SECRET_KEY": keys.secret,
        "VISTORY_MLFLOW_URL": roads["mlflow"].instead(parts.mlflow_url),
        "VISTORY_API_URL": f"http://{HOST}:{roads['api'].port}",
        "VISTORY_MAIL_HOST": HOST,
        "VISTORY_MAIL_PORT": str(roads["mail"].port),
        "VISTORY_MAIL_USER": mail.user,
        "VISTORY_MAIL_PASSWORD": mail.password.get_secret_value(),
        "VISTORY_MAIL_SECURITY": mail.security,
        "VISTORY_LIMITS_INVITATIONS_PER_DAY": "0",
    }
