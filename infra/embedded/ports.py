"""Free ports on 127.0.0.1, remembered in the data folder, so that an address stays the same from run to run.

A port is chosen long before its server listens there. Until then an abstract socket of its name keeps others who choose
by this module from choosing it too; it is gone with the process.
"""

import json
import random
import socket
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

HOST = "127.0.0.1"
# Below the range from which the kernel lends ports to outgoing connections: one of those could take ours while its
# server restarts.
CHOICE = range(20000, 32000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def remembered(file: Path) -> dict[str, int]:
    """Nothing where the file is not there or makes no sense: then others are chosen, which costs nobody anything."""
    try:
        found = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    ports = found.items() if isinstance(found, dict) else ()
    return {name: port for name, port in ports if type(port) is int and 0 < port < 65_536}


class Ports:
    """Each name's port: the remembered one if it is free, else the preferred one or the next, else any. They are ours
    until `close`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._remembered = remembered(file)
        self._chosen: dict[str, int] = {}
        self._wanted: dict[str, int | None] = {}
        self._claims: list[socket.socket] = []

    def __getitem__(self, name: str) -> int:
        return self.near(name)

    def near(self, name: str, preferred: int | None = None, usable: Callable[[int], bool] = is_free) -> int:
        """Asked again it stays the same."""
        if name not in self._chosen:
            self._wanted[name] = self._remembered.get(name, preferred)
            candidates = self._candidates(name, preferred)
            self._chosen[name] = next(port for port in candidates if self._claim(port) and usable(port))
            self._remember()
        return self._chosen[name]

    def moved_from(self, name: str) -> int | None:
        """The port that it had, or was to have, where others have taken that."""
        wanted = self._wanted.get(name)
        return None if wanted == self._chosen.get(name) else wanted

    def close(self) -> None:
        for claim in self._claims:
            claim.close()
        self._claims.clear()

    def _claim(self, port: int) -> bool:
        if not sys.platform.startswith("linux"):
            return port not in self._chosen.values()
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0vistory-port-{port}")
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True

    def _candidates(self, name: str, preferred: int | None) -> Iterator[int]:
        remembered = [self._remembered[name]] if name in self._remembered else []
        near = range(preferred, preferred + 100) if preferred else range(0)
        return chain(remembered, near, iter(lambda: random.choice(CHOICE), None))

    def _remember(self) -> None:
        self._remembered |= self._chosen
        self._file.write_text(json.dumps(self._remembered, indent=1, sort_keys=True))
