"""How the command line ends: well, with a refusal in words, by ctrl-C, or with a fault that is seen as one."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from cli.exits import Exit

# A shell that starts the tests in the background has them ignore ctrl-C.
MAIN = "import cli, signal; signal.signal(signal.SIGINT, signal.default_int_handler); cli.main()"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def begun(home: Path, *words: str, code: str = MAIN) -> subprocess.Popen[str]:
    own = {**os.environ, "VISTORY_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env=own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        start_new_session=True,
    )


def ended(home: Path, *words: str, code: str = MAIN) -> tuple[int, str]:
    process = begun(home, *words, code=code)
    _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.fixture
def silent(home: Path) -> Iterator[socket.socket]:
    """Somebody is signed in at a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        home.mkdir()
        session = {"api": f"http://127.0.0.1:{server.getsockname()[1]}", "email": "a@b.example", "token": "x"}
        (home / "session.json").write_text(json.dumps(session))
        yield server


def test_ctrl_c_is_answered_with_a_word_and_a_status(home: Path, silent: socket.socket) -> None:
    process = begun(home, "project", "list")
    connection, _ = silent.accept()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == "vistory: interrupted\n"
    assert process.returncode == Exit.INTERRUPTED
    connection.close()


def test_what_is_wrong_with_what_was_typed_does_not_steer_the_terminal(home: Path) -> None:
    status, said = ended(home, "frob\x1b[2Jnicate")
    assert (status, "\x1b" in said, "nicate" in said) == (Exit.USAGE, False, True)


def test_a_refusal_does_not_steer_the_terminal(home: Path) -> None:
    code = "import cli, cli.exits as e\ndef app(**_):\n    raise e.Stop('a\\x1b\\u202eb', 4)\ncli.app = app; cli.main()"
    assert ended(home, code=code) == (4, "vistory: a\\u001b\\u202eb\n")


def test_an_argument_that_is_no_text_is_refused(home: Path, silent: socket.socket) -> None:
    status, said = ended(home, "member", "rename", str(UUID(int=1)), os.fsdecode(b"caf\xe9"))
    assert status == Exit.USAGE
    assert said == "vistory: '\\udce9' is no text in UTF-8\n"


def test_a_file_that_cannot_be_used_is_named_in_a_line(home: Path) -> None:
    home.write_text("not a folder")
    code = "import cli, cli.kept as s; cli.app = lambda **_: s.keep(s.Session('a', 'b', 'c')); cli.main()"
    assert ended(home, code=code) == (Exit.REFUSED, f"vistory: {home}: File exists\n")


def test_a_fault_of_ours_is_seen_as_one(home: Path) -> None:
    code = "import cli; cli.app = lambda **_: open('/nowhere/at/all'); cli.main()"
    status, said = ended(home, code=code)
    assert (status, "Traceback" in said) == (1, True)


@pytest.mark.parametrize("words", ["rebuild", "rebuild --check", "stream compare", "stream rebuild", "parked list"])
def test_a_platform_that_is_down_is_told_in_a_line_that_says_what_to_do(home: Path, tmp_path: Path, words: str) -> None:
    nowhere = "postgresql://vistory_app:secret@127.0.0.1:1/vistory"
    told = {"database_url": nowhere, "keys_database_url": nowhere, "nats_url": "nats://127.0.0.1:1"}
    (tmp_path / "run").mkdir()
    for process in ("cli", "migrate"):
        (tmp_path / "run" / f"{process}.json").touch(mode=0o600)
        (tmp_path / "run" / f"{process}.json").write_text(json.dumps({"data": str(tmp_path)} | told))
    status, said = ended(home, *words.split(), "--data", str(tmp_path))
    assert status == Exit.UNREACHABLE
    assert said.startswith("vistory: the platform does not answer: ")
    at = f"--data {tmp_path}"
    assert said.endswith(f"; `vistory up {at}` starts it, `vistory doctor {at}` says what is wrong\n")
    assert (said.count("\n"), "secret" in said) == (1, False)
