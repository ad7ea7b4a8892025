"""Files that people name: what keeps one from being opened is told in a line, and none is read without end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.exits import Exit, Stop

# A password has a thousand characters at most, and a character four bytes.
LONGEST_SECRET = 4_096


@contextmanager
def named_file() -> Iterator[None]:
    """Around what opens a file that a person named, and nothing else: elsewhere an OSError is a fault of ours."""
    try:
        yield
    except OSError as error:
        raise Stop(f"{error.filename}: {error.strerror}") from error


def must_have_a_folder(file: Path | None) -> None:
    """Raises Stop. Asked before the work, so that nothing is done in vain."""
    if file is not None and file.is_dir():
        raise Stop(f"{file} is a folder; name the file to write", Exit.USAGE)
    if file is not None and not file.absolute().parent.is_dir():
        raise Stop(f"there is no folder {file.absolute().parent} to write {file.name} into", Exit.USAGE)


def must_be_new_file(file: Path | None) -> None:
    """Raises Stop, also where it could not be written: no command overwrites what a person has."""
    must_have_a_folder(file)
    if file is not None and file.exists():
        raise Stop(f"{file} is there already; name another file")


def secret_in(file: Path, what: str) -> str:
    """Without the end of its line; a pipe is as good as a file, and of standard input (-) it is the next line."""
    content = _next_line() if str(file) == "-" else _content(file)
    name = "standard input" if str(file) == "-" else str(file)
    if len(content) > LONGEST_SECRET:
        raise Stop(f"{name} holds no {what}: it has more than {LONGEST_SECRET} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Stop(f"{name} holds no {what}: it is not text in UTF-8") from error
    secret = text.removesuffix("\n").removesuffix("\r")
    if not secret:
        raise Stop(f"{name} holds no {what}: it is empty")
    return secret


def _content(file: Path) -> bytes:
    with named_file(), file.open("rb") as stream:
        return stream.read(LONGEST_SECRET + 1)


def _next_line() -> bytes:
    return sys.stdin.buffer.readline(LONGEST_SECRET + 1)
