"""When NATS has to be started again: it goes on refusing after its disk was full (tests/faults fills a real one)."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.embedded.nats import Nats
from infra.embedded.passwords import Passwords

# As nats-server 2.15 wrote it.
REFUSED = (
    b"[20586] 2026/11/26 08:59:54.376950 [ERR] Filestore [EVENTS] Critical write error: "
    b"write /data/jetstream/vistory/streams/EVENTS/msgs/1.blk: no space left on device\n"
)


def test_it_is_started_again_once_there_is_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"bytes": 0}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free["bytes"]))
    spent = Nats(tmp_path, 4222, Passwords(tmp_path), []).child().spent
    assert spent([b"[1] [INF] Server is ready\n"]) is None
    assert spent([REFUSED]) is None
    free["bytes"] = 2**30
    assert spent([]) == "its disk was full, and there is room again"


def test_a_full_disk_of_another_start_is_forgotten(tmp_path: Path) -> None:
    child = Nats(tmp_path, 4222, Passwords(tmp_path), []).child()
    assert child.spent([REFUSED]) is not None
    child.prepare()
    assert child.spent([]) is None
