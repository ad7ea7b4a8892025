"""The `vistory` command as a person types it, on the API over a socket of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
