"""Generated secrets: made once per data folder, each in a file of its own that only its owner can read."""

import os
import secrets
from pathlib import Path

# Without the one no sealed field can be read, without the other no address is found.
KEYS = ("master-1.key", "pepper")


class MissingKey(Exception):
    """Another one would be of no use: what is stored was made with the one that is gone."""

    exit_code = 78  # EX_CONFIG


class Passwords:
    """Secrets by name. Asking for one makes it, if it is not there yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> str:
        return self.file(name).read_text()

    def file(self, name: str) -> Path:
        file = self._folder / name
        if not file.exists():
            write_private(file, secrets.token_urlsafe(32).encode())
        return file

    def key_file(self, name: str) -> Path:
        """The same with 32 raw bytes."""
        file = self._folder / name
        if not file.exists():
            write_private(file, secrets.token_bytes(32))
        return file


def keep_keys(passwords: Passwords, folder: Path, made: Path) -> None:
    """Made together, once: `made` is the file that remembers it. Raises MissingKey."""
    missing = [str(folder / name) for name in KEYS if not (folder / name).exists()]
    if missing and made.exists():
        raise MissingKey(
            f"{' and '.join(missing)} gone, and what is stored here cannot be read without: bring it back from a backup"
            " (`vistory keys backup ONE --master-to ANOTHER` keeps the master key), or begin with another data folder"
        )
    for name in KEYS:
        passwords.key_file(name)
    made.touch()


def write_private(file: Path, content: bytes) -> Path:
    """Written whole or not at all, and at no moment readable by others."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
    return file
