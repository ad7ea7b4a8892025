"""Files that people name: what keeps one from being opened is told in a line, and none is read without end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.exits import Stop

# A password has a thousand characters at most, and a character four bytes.
LONGEST_PASSWORD = 4_096


@contextmanager
def named_file() -> Iterator[None]:
    """Around what opens a file that a person named, and nothing else: elsewhere an OSError is a fault of ours."""
    try:
        yield
    except OSError as error:
        raise Stop(f"{error.filename}: {error.strerror}") from error


def password_in(file: Path) -> str:
    """Without the end of its line; a pipe is as good as a file."""
    with named_file(), file.open("rb") as stream:
        content = stream.read(LONGEST_PASSWORD + 1)
    if len(content) > LONGEST_PASSWORD:
        raise Stop(f"{file} holds no password: it has more than {LONGEST_PASSWORD} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Stop(f"{file} holds no password: it is not text in UTF-8") from error
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise Stop(f"{file} holds no password: it is empty")
    return password
