"""One thing that was found out about one part."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    WELL = "well"
    NOTE = "note"
    """It works; somebody should do something all the same."""
    OFF = "off"
    """It does not answer because the platform is not running."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    part: str
    state: State
    says: str
    do: str = ""
    version: str = ""
    lag: str = ""


def well(part: str, says: str, version: str = "", lag: str = "") -> Finding:
    return Finding(part, State.WELL, says, version=version, lag=lag)


def note(part: str, says: str, do: str, version: str = "") -> Finding:
    return Finding(part, State.NOTE, says, do, version)


def wrong(part: str, says: str, do: str, version: str = "", lag: str = "") -> Finding:
    return Finding(part, State.WRONG, says, do, version, lag)
