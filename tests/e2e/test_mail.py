"""A forgotten password at a terminal, with no mail server named: the letter is kept here, its code sets another."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exits import Exit
from tests.e2e.running import up, vistory
from tests.servers import data_folder
from tests.whole import waited

pytestmark = [pytest.mark.slow, pytest.mark.connected, pytest.mark.timeout(240)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


def test_a_forgotten_password_is_set_by_the_letter_that_came(folder: Path) -> None:
    data, home = folder / "data", folder / "home"
    with up(data, home) as running:
        told = json.loads(running.first_line())
        there = ("--api", told["api"])
        assert vistory("password", "forgot", told["email"], *there, home=home).returncode == Exit.OK
        waited(lambda: list((data / "mail").glob("*.eml")), 30, "a letter has come")
        shown = json.loads(vistory("mail", "show", "--json", "--data", str(data), home=home).stdout)
        assert shown["to"] == told["email"]
        found = re.search(rf"{told['api']}/reset-password#token=([\w-]+)", shown["text"])
        assert found
        code, password = folder / "code", folder / "password"
        code.write_text(found[1])
        password.write_text("another horse battery\n")
        given = (*there, "--password-file", str(password))
        assert vistory("password", "reset", "--code-file", str(code), *given, home=home).returncode == Exit.OK
        assert vistory("login", told["email"], *given, home=home).returncode == Exit.OK
        again = vistory("password", "reset", "--code-file", str(code), *given, home=home)
        assert (again.returncode, again.stderr) == (
            Exit.REFUSED,
            "vistory: this link, or its code, was used already, or never sent\n",
        )
