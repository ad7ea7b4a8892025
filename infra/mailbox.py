"""Letters kept as files, the oldest going when there are too many: written by the embedded server, read by people."""

import os
import re
import secrets
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Final, Self
from uuid import UUID

ABOUT: Final = "Vistory-About"
"""The header that names the persons of whom a letter tells, by id."""
LARGEST: Final = 1024 * 1024
MOST: Final = 1_000
MOST_BYTES: Final = 64 * 1024 * 1024
_NUMBER: Final = re.compile(r"[0-9]{8}T[0-9]{12}-[0-9a-f]{6}")


@dataclass(frozen=True)
class Kept:
    """`number` is its name, by the moment at which it came."""

    number: str
    letter: EmailMessage

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    @property
    def goes_to(self) -> UUID | None:
        """A person, or an invitation: whoever is invited need not be anybody yet."""
        return next(iter(self._about), None)

    def tells_of(self, people: Collection[UUID]) -> bool:
        """A letter that names nobody may tell of anybody."""
        about = self._about
        return not about or not set(about).isdisjoint(people)

    @property
    def _about(self) -> list[UUID]:
        return [UUID(each) for each in re.findall(r"[0-9a-f-]{36}", str(self.letter[ABOUT] or ""))]

    def _part(self, kind: str) -> str:
        part = self.letter.get_body((kind,))
        return str(part.get_content()).replace("\r\n", "\n") if part else ""


@dataclass(frozen=True)
class Mailbox:
    folder: Path

    @classmethod
    def inside(cls, data: Path) -> Self:
        """Where the embedded server keeps what it is sent."""
        return cls(data / "mail")

    def keep(self, content: bytes) -> None:
        """On the disk when this returns. Raises OSError."""
        number = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        partial, file = self.folder / f".{number}", self.folder / f"{number}.eml"
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        partial.rename(file)
        with suppress(OSError):  # it is kept, whatever becomes of others
            self._make_room()

    def letters(self) -> Iterator[Kept]:
        """The newest first."""
        for file in reversed(self._files()):
            with suppress(FileNotFoundError):
                yield self._read(file)

    def letter(self, number: str) -> Kept | None:
        file = self.folder / f"{number}.eml"
        return self._read(file) if _NUMBER.fullmatch(number) and file.exists() else None

    def show(self, number: str, html: str) -> Path:
        """The letter as a page that a browser opens; it goes when the letter goes."""
        page = self.folder / f"{number}.html"
        with os.fdopen(os.open(page, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(html.encode())
        return page

    def about(self, people: Collection[UUID]) -> Iterator[Kept]:
        """Those that say of themselves that they tell of one of them, the newest first."""
        return (each for each in self.letters() if each.letter[ABOUT] and each.tells_of(people))

    def forget(self, people: Collection[UUID]) -> None:
        """What tells of any of them goes, whomever it was sent to."""
        for each in list(self.letters()) if people else []:
            if each.tells_of(people):
                self._drop(self.folder / f"{each.number}.eml")

    def _read(self, file: Path) -> Kept:
        return Kept(file.stem, message_from_bytes(file.read_bytes(), policy=default))

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.eml"))

    def _make_room(self) -> None:
        room = MOST_BYTES
        for age, file in enumerate(reversed(self._files())):
            with suppress(FileNotFoundError):  # somebody else made room just now
                room -= file.stat().st_size
            if age >= MOST or room < 0:
                self._drop(file)

    def _drop(self, file: Path) -> None:
        file.with_suffix(".html").unlink(missing_ok=True)
        file.unlink(missing_ok=True)
