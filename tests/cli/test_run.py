"""A process that cannot begin says why in one line, and with a status, to whoever starts it again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.exits import Exit
from infra.config import SETTINGS_FILE
from infra.embedded.passwords import write_private

NOBODY = "postgresql://vistory_app:secret@127.0.0.1:1/vistory"


@pytest.mark.parametrize("process", ["relay", "api"])
@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        ({"database_url": NOBODY, "keys_database_url": NOBODY}, Exit.UNREACHABLE, "{} cannot reach its database"),
        ({}, Exit.MISCONFIGURED, "VISTORY_DATABASE_URL is not set"),
    ],
)
def test_why_a_process_does_not_begin_is_one_line(
    tmp_path: Path, process: str, told: dict[str, str], status: Exit, words: str
) -> None:
    file = write_private(tmp_path / f"{process}.json", json.dumps(told).encode())
    run = [sys.executable, "-c", "from cli import main; main()", "run", process]
    done = subprocess.run(run, env=os.environ | {SETTINGS_FILE: str(file)}, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, last.startswith(f"vistory: {words.format(process)}")) == (status, True), done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
