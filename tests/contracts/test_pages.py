"""The pages about events are made from the code; here is what the code cannot tell by itself."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from commands.access import May
from commands.permission import ACTIONS
from docs.generate import permissions
from docs.generate.parts.causes import CAUSES, COMMANDS, WITHOUT_EVENTS, causes
from domain import EVENTS
from domain.roles import Permission
from tests.test_layers import ROOT

SCRIPTS: Final = sorted((ROOT / "docs" / "generate").glob("*.py"))


def checking(script: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    monkeypatch.setattr(sys, "argv", [str(script), "--check"])
    check: Callable[[], int] = runpy.run_path(str(script))["main"]
    return check


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_page_that_is_made_from_the_code_is_current(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checking(script, monkeypatch)() == 0


def test_a_page_that_is_not_current_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    check = checking(ROOT / "docs" / "generate" / "permissions.py", monkeypatch)
    stale = tmp_path / "permissions.md"
    stale.write_text(permissions.PAGE.read_text().replace("| admin |", "| nobody |"))
    monkeypatch.setitem(check.__globals__, "PAGE", stale)
    assert check() == 1


def test_a_rule_that_is_laxer_than_the_page_says_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIONS, "rename_project", May(Permission.READ))
    check = checking(ROOT / "docs" / "generate" / "permissions.py", monkeypatch)
    assert check() == 1


def test_every_topic_has_a_cause_and_every_command_an_effect() -> None:
    assert CAUSES.keys() == EVENTS.keys()
    assert {name for names in CAUSES.values() for name in names} == COMMANDS.keys() - WITHOUT_EVENTS


def test_who_may_cause_an_event_is_read_off_the_commands() -> None:
    assert causes("training_job.claimed") == "`ClaimJob`: a worker of the job's framework"
    assert causes("dataset.created") == "`CreateDataset`: admin, manager, engineer_ii, engineer_i"
