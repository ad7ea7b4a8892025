"""What the process that a model is asked in gets to know."""

from pathlib import Path
from typing import Any

import pytest

from cli.exits import Exit, Stop
from cli.files import must_have_a_folder
from cli.predict import answer_of, words

SAYS_ITS_ENVIRONMENT = """#!/usr/bin/env python3
import json, os
print(json.dumps({"kind": "predictions", "environment": dict(os.environ)}))
"""


def test_a_framework_is_told_no_secret_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "environments" / "timm" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(SAYS_ITS_ENVIRONMENT)
    python.chmod(0o700)
    monkeypatch.setenv("VISTORY_ENVIRONMENTS", str(tmp_path / "environments"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    told = answer_of("timm", tmp_path / "question.json")["environment"]
    assert "PATH" in told
    assert told["HOME"] == str(tmp_path)
    assert {"AWS_SECRET_ACCESS_KEY", "VISTORY_ENVIRONMENTS"}.isdisjoint(told)


def test_what_is_less_sure_than_was_asked_for_is_told_with_how_to_see_it() -> None:
    seen: dict[str, Any] = {"predictions": [{"boxes": []}], "pictures": []}
    assert words(seen | {"below": None}) == "nothing"
    likeliest = {"class": "seven", "score": 0.1274, "box": [0, 0, 1, 1]}
    assert words(seen | {"below": likeliest}) == (
        "nothing that it is sure of; the likeliest is seven at 12.7%: --confidence 0.12"
    )
    assert words({"predictions": [{"classes": [likeliest | {"box": [0, 0, 1, 1]}]}], "pictures": []}).startswith(
        "seven"
    )


def test_a_folder_that_is_not_there_is_told_before_the_work(tmp_path: Path) -> None:
    must_have_a_folder(tmp_path / "seen.png")
    with pytest.raises(Stop, match="there is no folder") as stopped:
        must_have_a_folder(tmp_path / "nowhere" / "seen.png")
    assert stopped.value.exit_code == Exit.USAGE


def test_a_folder_is_no_file_to_draw_into(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="is a folder"):
        must_have_a_folder(tmp_path)
