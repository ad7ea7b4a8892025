"""The files that a trainer is handed, bent: read, or refused as data that are not as agreed."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hypothesis import example, given
from hypothesis import strategies as st

from tests.infra.formats.test_hostile import bent, same
from trainers.entries import read_entries
from trainers.failures import TrainingFailed
from trainers.job import Job, read_job, read_question

FACTS: Final[dict[str, Any]] = {
    "format": 1, "job": "j", "attempt": 1, "task": "detection", "model": "tiny", "parameters": {"epochs": 2},
    "classes": ["a", "b"], "entries": "entries.jsonl", "blobs": "blobs", "output": "out", "threads": 1, "device": "cpu",
    "seed": 1, "resume": {"path": "x", "sha256": "a" * 64, "epoch": 1},
}  # fmt: skip
JOB: Final = json.dumps(FACTS).encode()
QUESTION: Final = json.dumps({"model": "m", "sha256": "a" * 64, "images": ["1.png"], "confidence": 0.5}).encode()
BOX: Final = [0.5, 0.5, 0.1, 0.1]
ENTRIES: Final = b"".join(
    json.dumps(
        {"path": "1.png", "sha256": "a" * 64, "size": 1, "side": side, "annotations": [{"class": 0, "box": BOX}]}
    ).encode()
    + b"\n"
    for side in ("train", "val")
)
DEEP: Final = b"[" * 100_000
words = st.sampled_from(
    [DEEP, b"null", b"[]", b'{"side": []}', b"NaN", b"9" * 5_000, b'"\\ud800"', b'"\\u0000"', b"\xff"]
)


@same
@example(DEEP, DEEP)
@given(bent(JOB) | words, bent(QUESTION) | words)
def test_a_bent_job_or_question_is_read_or_refused(job: bytes, question: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.json"
        for read, data in ((read_job, job), (read_question, question)):
            file.write_bytes(data)
            assert is_data(read, file)


@same
@example(DEEP)
@example(ENTRIES.replace(b'"1.png"', b"[1]"))
@example(ENTRIES.replace(b'{"class": 0, "box": [0.5, 0.5, 0.1, 0.1]}', b"0"))
@given(bent(ENTRIES) | words)
def test_bent_entries_are_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "entries.jsonl"
        file.write_bytes(data)
        for task in ("detection", "classification"):
            assert is_data(read_entries, replace(whole_job(folder), entries=str(file), task=task))


def test_entries_at_a_path_that_no_file_can_have_are_refused(tmp_path: Path) -> None:
    assert is_data(read_entries, replace(whole_job(str(tmp_path)), entries="\x00"))


def whole_job(folder: str) -> Job:
    file = Path(folder) / "job.json"
    file.write_bytes(JOB)
    return read_job(file)


def is_data(read: Any, of: Any) -> bool:
    try:
        read(of)
    except TrainingFailed as failed:
        return failed.reason == "data_error"
    return True
