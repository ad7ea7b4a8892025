"""Which ports the embedded servers remember."""

from pathlib import Path

import pytest

from infra.embedded.ports import Ports, remembered


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[1]", b"7", b'{"nats": "4222"}', b'{"nats": 70000}', b'{"nats": true}']
)
def test_a_damaged_memory_is_as_good_as_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    file.write_bytes(content)
    assert remembered(file) == {}
    ports = Ports(file)
    try:
        chosen = ports["nats"]
        assert remembered(file) == {"nats": chosen}
    finally:
        ports.close()
