"""When a server has to be started again because its disk was full (tests/faults fills a real one)."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.embedded.disk import Disk

# As nats-server 2.15 and SeaweedFS 4.48 wrote it.
REFUSED = [
    b"[20586] 2026/11/26 08:59:54.376950 [ERR] Filestore [EVENTS] Critical write error: "
    b"write /data/jetstream/vistory/streams/EVENTS/msgs/1.blk: no space left on device\n",
    b"E1126 09:30:03.608891 upload_chunked.go:281 write /data/vistory_1.dat: no space left on device\n",
]


@pytest.mark.parametrize("line", REFUSED)
def test_a_server_is_started_again_once_there_is_room_again(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {"bytes": 0}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free["bytes"]))
    disk = Disk(Path("/data"))
    assert disk.spoilt([b"[1] [INF] Server is ready\n"]) is None
    assert disk.spoilt([line]) is None
    free["bytes"] = 2**30
    assert disk.spoilt([]) == "its disk was full, and there is room again"


def test_a_full_disk_of_another_start_is_forgotten(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    assert disk.spoilt(REFUSED) is not None
    disk.begin()
    assert disk.spoilt([]) is None
