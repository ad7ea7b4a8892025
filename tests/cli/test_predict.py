"""What the process that a model is asked in gets to know."""

from pathlib import Path

import pytest

from cli.predict import answer_of

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
