"""A folder on this machine's disk, as the command line reads it: safely, and named by hash."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from domain.errors import Invalid
from domain.paths import normal_all, quoted
from infra.formats import File
from infra.formats.listing import is_ignored
from infra.hashes import Hashed, Hashes, Remembered


class FolderIsUnsafe(Invalid):
    """A link out of the folder, or something that is no file: one cannot know what else would travel with it."""


class FolderCannotBeRead(Invalid):
    pass


class Folder:
    """Every file below a folder, hidden ones left out, by its path in NFC with `/`: sorted, with size and SHA-256.

    Links to files inside are read as files; links to folders inside are passed over, since what they show is there
    already; any other link refuses the whole.
    """

    def __init__(
        self,
        root: Path,
        advance: Callable[[int], None] = lambda done: None,
        threads: int = 4,
        hashes: Hashes | None = None,
    ) -> None:
        """With `hashes`, what is known of a file that has not changed since is believed."""
        self.root = _real(root)
        found = list(_walk(self.root, self.root))
        below = len(str(self.root).rstrip(os.sep)) + 1
        names = normal_all(str(path)[below:].replace(os.sep, "/") for path in found)
        self._paths = dict(sorted(zip(names, found, strict=True)))
        self.files: list[File] = []
        remembered = hashes.of(found) if hashes else Remembered()

        def hashed(path: Path) -> Hashed:
            return remembered.note(path, _hashed(path))

        known = {path: same for path in found if (same := remembered.find(path))}
        with ThreadPoolExecutor(threads, "hash") as pool:
            new = pool.map(hashed, (path for path in self._paths.values() if path not in known))
            for name, path in self._paths.items():
                self.files.append(File(name, *(known.get(path) or next(new))))
                advance(len(self.files))
        if hashes:
            hashes.keep(remembered)

    def read(self, path: str) -> bytes:
        with _opened(self._paths[path]) as file:
            return file.read()


def _real(root: Path) -> Path:
    if not root.is_dir():
        raise FolderCannotBeRead(f"{quoted(str(root))} is no folder")
    return root.resolve()


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise FolderCannotBeRead(f"{quoted(str(folder))} cannot be read: {error.strerror}") from error
    for entry in entries:
        path = Path(entry.path)
        if is_ignored(entry.name):
            continue
        if entry.is_symlink() and not path.resolve().is_relative_to(root):
            raise FolderIsUnsafe(f"{quoted(entry.path)} is a link out of the folder; put a copy there instead")
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, root)
        elif not entry.is_dir():
            yield path


def _hashed(path: Path) -> Hashed:
    with _opened(path) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Hashed(file.tell(), sha256)


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """A regular file: opening a pipe would wait for ever, so it is not waited for and refused."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FolderCannotBeRead(f"{quoted(str(path))} cannot be read: {error.strerror}") from error
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FolderIsUnsafe(f"{quoted(str(path))} is no regular file; take it out of the folder")
        yield file
