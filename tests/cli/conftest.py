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


@pytest.fixture(autouse=True)
def _home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may be signed in, and have started a platform."""
    monkeypatch.setenv("VISTORY_HOME", str(tmp_path / "home"))


@pytest.fixture
def server() -> Iterator[Server]:
    """Stands in for the API, where somebody is signed in."""
    with serving() as server:
        keep(Session(f"http://127.0.0.1:{server.server_port}", "a@b.example", "access 1"))
        yield server
