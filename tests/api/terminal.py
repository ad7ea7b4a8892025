"""The `vistory` command as a person types it, on the API over a socket of its own."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI
from typer.testing import CliRunner

from cli import app
from cli.kept import Session, keep
from tests.api.visitor import PASSWORD, Visitor


@dataclass(frozen=True)
class Terminal:
    """Of one machine: who is signed in there stays so from one line to the next."""

    address: str
    passwords: Path

    def __call__(self, *words: str) -> str:
        """What is printed. Raises Stop."""
        done = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))

    def be(self, person: Visitor) -> None:
        keep(Session(self.address, person.email, person.token or ""))

    def sign_in(self, person: Visitor, *words: str) -> str:
        self.passwords.write_text(PASSWORD)
        return self("login", person.email, "--api", self.address, "--password-file", str(self.passwords), *words)


@contextmanager
def serving(api: FastAPI) -> Iterator[str]:
    """The address of what a test client has started already."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(api, log_level="error", lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
