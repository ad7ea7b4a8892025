"""What is thrown away, at the terminal."""

import re

import pytest
from typer.testing import CliRunner

from cli import app
from domain.trash import IN_THE_TRASH
from tests.cli.http_server import Server
from tests.test_layers import ROOT

ID = "0198c0de-0000-7000-8000-000000000007"
CELLS = {"id": ID, "name": "cells", "purge_at": "2026-12-27T03:04:05Z"}
WHERE = ("trash", "closure", "project", "organization", "operator", "dataset")
CALLED = re.compile(r"(\d+) days")


def delete(server: Server, noun: str, *seen: tuple[int, dict[str, str], object]) -> str:
    server.answers = [(200, {}, CELLS), (200, {}, {"id": ID}), *seen]
    return CliRunner().invoke(app, [noun, "delete", ID], catch_exceptions=False).output


@pytest.mark.parametrize("noun", ["dataset", "project"])
def test_whoever_throws_a_thing_away_is_told_until_when_it_can_come_back(server: Server, noun: str) -> None:
    told = f"{noun} cells (0198c0de-0000) is in the trash until 2026-12-27 03:04:05 UTC; `vistory {noun} undelete {ID}`"
    assert delete(server, noun, (200, {}, CELLS)).startswith(told)
    assert " is in the trash; `vistory" in delete(server, noun, (403, {}, {"detail": "no"}))


def test_every_text_that_names_the_time_in_the_trash_names_the_same() -> None:
    files = [ROOT / folder / f"{name}.py" for folder in ("api", "commands", "cli") for name in WHERE]
    found = {int(days) for file in files if file.exists() for days in CALLED.findall(file.read_text())}
    assert found == {IN_THE_TRASH.days}
