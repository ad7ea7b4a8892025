"""nats-server with JetStream: every acknowledged message is on disk, and each user may do only what it needs."""

import json
import shutil
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from infra.embedded.child import Child
from infra.embedded.disk import Disk
from infra.embedded.passwords import Passwords, write_private
from infra.embedded.ports import HOST
from infra.nats_users import ADMIN, User, authorization

CONFIGURATION = """\
listen: "127.0.0.1:{port}"
server_name: "vistory"
max_payload: 2MB
jetstream {{
  store_dir: {store}
  sync_interval: always
}}
{authorization}
"""


class Nats:
    def __init__(self, home: Path, port: int, passwords: Passwords, users: Iterable[User], name: str = "nats") -> None:
        self._home = home
        self.port = port
        self._passwords = passwords
        self._users = {user.name: user for user in users}
        self._name = name
        # A stream whose file could not be written refuses for ever.
        self._disk = Disk(home)

    def url(self, user: str) -> str:
        return f"nats://{user}:{self.password(user)}@{HOST}:{self.port}"

    def password(self, user: str) -> str:
        return self._passwords[f"nats-{self._users[user].name}"]

    def child(self) -> Child:
        return Child(
            name=self._name,
            argv=(program("nats-server"), "-c", str(self._home / "server.conf")),
            cwd=self._home,
            ready_probe=lambda: answers(self.port, ADMIN, self.password(ADMIN)),
            spent=self._disk.spoilt,
            prepare=self._prepare,
            grace=3.0,
        )

    def _prepare(self) -> None:
        self._disk.begin()
        passwords = {name: self.password(name) for name in self._users}
        text = CONFIGURATION.format(
            port=self.port,
            store=json.dumps(str(self._home / "jetstream")),
            authorization=authorization(self._users.values(), passwords),
        )
        write_private(self._home / "server.conf", text.encode())


def answers(port: int, user: str, password: str, host: str = HOST) -> bool:
    """Whether a user can sign in and JetStream is on; spoken by hand, since the client library wants an event loop."""
    with socket.create_connection((host, port), timeout=2) as server, server.makefile("rwb") as lines:
        information = json.loads(lines.readline().removeprefix(b"INFO "))
        sign_in = {"user": user, "pass": password, "verbose": False, "lang": "python", "version": "0"}
        lines.write(b"CONNECT " + json.dumps(sign_in).encode() + b"\r\nPING\r\n")
        lines.flush()
        with suppress(TimeoutError):  # about whoever it does not know it asks at the door, where nobody may be yet
            return bool(information.get("jetstream")) and lines.readline().strip() == b"PONG"
        return False


def program(name: str) -> str:
    """A program that a wheel put beside this Python."""
    beside = Path(sys.prefix) / "bin"
    found = shutil.which(name, path=str(beside))
    if found is None:
        raise FileNotFoundError(f"the program {name} is not installed in {beside}")
    return found
