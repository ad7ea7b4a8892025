"""What one command was told is not known to the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.hint import hear_api, hear_data
from cli.kept import Session, keep
from tests.cli.http_server import Server, serving


@pytest.fixture(autouse=True)
def _nothing_heard() -> Iterator[None]:
    yield
    hear_api(None)
    hear_data(None)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Stands in for the API, where somebody is signed in."""
    with serving() as server:
        monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))
        keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1"))
        yield server
