"""Which ports the embedded servers remember."""

import socket
from pathlib import Path

import pytest

from infra.embedded.ports import HOST, Ports, remembered


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


def test_a_port_that_others_have_taken_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    with socket.create_server((HOST, 0)) as taken:
        number = taken.getsockname()[1]
        file.write_text(f'{{"api": {number}}}')
        ports = Ports(file)
        assert ports.near("api", 8000) != number
        assert ports.moved_from("api") == number
        ports.close()
    again = Ports(file)
    again.near("api", 8000)
    assert again.moved_from("api") is None
    again.close()
