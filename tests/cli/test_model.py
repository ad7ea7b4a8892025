"""How a model is shown."""

import json
from hashlib import sha256

import pytest

from cli.exits import Exit, Stop
from cli.model import row, words
from cli.report import report_of
from tests.cli.http_server import door, serving

MODEL = {
    "id": "m", "trained_at": "2026-01-01T00:00:00Z", "framework": "timm", "architecture": "tiny", "dataset": "cells",
    "project": None, "metrics": {"test/accuracy": 0.98765}, "best_epoch": 2, "size": 1_000,
}  # fmt: skip
LINEAGE = {
    "owner": {"full_name": None, "avatar_name": "red-fox-1"}, "dataset": {"name": "cells"}, "attempts": [],
    "job": {
        "requested_at": "2026-01-01T00:00:00Z", "dataset_id": "d",
        "recipe": {"framework": "timm", "model": "tiny", "parameters": {}, "code_version": "1",
                   "weights": {"model_id": None, "sha256": None}},
        "snapshot": {"images": 3, "root": "r", "split": {"method": "manual", "sha256": "s"}},
    },
}  # fmt: skip
REPORT = {"per_class": [{"class": "red", "images": 2, "precision": 0.5}], "confusion_matrix": None}


def test_models_are_told_apart_by_what_was_trained_on_what() -> None:
    assert row(MODEL) == ("m", "2026-01-01 00:00:00 UTC", "timm tiny", "cells", None, "accuracy 0.988")


def test_a_model_is_shown_with_its_figures_and_those_of_each_class() -> None:
    said = [line.split(maxsplit=2) for line in words(MODEL, LINEAGE, REPORT).splitlines() if line]
    assert said[0] == ["test", "side", "accuracy 0.988; best epoch 2"]
    assert said[-2:] == [["class", "images", "precision"], ["red", "2", "0.500"]]


def test_a_report_is_that_which_the_history_names() -> None:
    with serving() as server:
        server.answers = [(200, {}, REPORT)] * 2
        url = f"http://127.0.0.1:{server.server_port}/report"
        digest = sha256(json.dumps(REPORT).encode()).hexdigest()
        assert report_of(door(server), {"result_url": url, "result": digest}) == REPORT
        with pytest.raises(Stop, match="does not have the hash") as stopped:
            report_of(door(server), {"result_url": url, "result": "0" * 64})
    assert stopped.value.exit_code == Exit.NOT_VERIFIED
