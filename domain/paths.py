"""The names that files of a dataset may have: relative, in one normal form, nobody's trap on any machine.

Invalid
├── PathIsUnsafe     leaves its folder, or could not be written down everywhere
└── PathsCollide     two files that some machines take for one
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import AfterValidator

from domain.errors import Invalid

LONGEST_PATH: Final = 1_000
LONGEST_NAME: Final = 255
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
_DRIVE: Final = re.compile(r"^[A-Za-z]:")


class PathIsUnsafe(Invalid):
    pass


class PathsCollide(Invalid):
    pass


def fault(path: str) -> str | None:
    """Why this name is refused, or None."""
    if path.startswith("/") or _DRIVE.match(path):
        return "is absolute"
    if found := _FORBIDDEN.search(path):
        return f"contains the character {found.group()!a}"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "has an empty part, '.' or '..' in it"
    if len(path) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in path.split("/")):
        return f"is longer than {LONGEST_NAME} bytes in one part or {LONGEST_PATH} characters in all"
    return None


def normal(path: str) -> str:
    """The path in NFC, or PathIsUnsafe."""
    if reason := fault(composed(path)):
        raise PathIsUnsafe(f"the file name {quoted(path)} {reason}; rename it")
    return composed(path)


def composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def normal_all(paths: Iterable[str]) -> list[str]:
    """Every path in NFC, in the order given; PathsCollide where two differ only in case or normal form."""
    seen: dict[str, str] = {}
    normals = []
    for path in paths:
        normals.append(normal(path))
        key = _folded(path)
        if key in seen:
            raise PathsCollide(
                f"{quoted(seen[key])} and {quoted(path)} are one name on machines that do not tell case "
                "or Unicode forms apart; rename one of them"
            )
        seen[key] = path
    return normals


def quoted(text: str) -> str:
    """Text from outside, short and without control characters, to be shown to people."""
    shown = text if len(text) <= 80 else f"{text[:60]}…{text[-15:]}"
    return "'" + _FORBIDDEN.sub(lambda found: ascii(found.group())[1:-1], shown) + "'"


def _folded(path: str) -> str:
    return composed(unicodedata.normalize("NFD", path).casefold())


def _must_be_safe(path: str) -> str:
    if reason := fault(path):
        raise ValueError(reason)
    if not unicodedata.is_normalized("NFC", path):
        raise ValueError("is not in Unicode normal form C")
    return path


SafePath = Annotated[str, AfterValidator(_must_be_safe)]
