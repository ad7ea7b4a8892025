"""What a process of ours says when it dies is in its log, in one line, and quotes nothing."""

import json
import subprocess
import sys

import pytest

BEGIN = """
import threading
import psycopg.errors
from infra import outside
from infra.config import Settings

outside.begin("api", Settings())

def die():
    raise psycopg.errors.InvalidTextRepresentation('invalid input syntax: "ann@example.org"')
"""


@pytest.mark.parametrize(
    ("end", "status", "words"),
    [
        ("die()", 1, "the process ends by an error that nobody expected"),
        (
            "thread = threading.Thread(target=die, name='follower'); thread.start(); thread.join()",
            0,
            "the thread follower ends by an error that nobody expected",
        ),
    ],
)
def test_the_last_words_of_a_process_or_a_thread_quote_nothing(end: str, status: int, words: str) -> None:
    died = subprocess.run([sys.executable, "-c", BEGIN + end], capture_output=True, text=True, check=False)
    assert died.returncode == status
    (line,) = map(json.loads, died.stdout.splitlines())
    assert (line["level"], line["process"], line["message"]) == ("CRITICAL", "api", words)
    assert "InvalidTextRepresentation" in line["exception"]
    assert "ann@example.org" not in died.stdout + died.stderr
    assert died.stderr == ""


@pytest.mark.parametrize("end", ["raise SystemExit(7)", "threading.Thread(target=lambda: exit(3)).start(); exit(7)"])
def test_whoever_leaves_on_purpose_says_nothing(end: str) -> None:
    left = subprocess.run([sys.executable, "-c", BEGIN + end], capture_output=True, text=True, check=False)
    assert (left.returncode, left.stdout, left.stderr) == (7, "", "")
