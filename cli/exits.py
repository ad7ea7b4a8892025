"""What the exit status of `vistory` tells."""

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_VERIFIED = 4
    SIGNED_OUT = 5
    UNWELL = 6
    HALTED = 7
    FAULTY = 70
    NO_WAY_IN = 73
    BUSY = 75
    MISCONFIGURED = 78
    INTERRUPTED = 130


MEANING = {
    Exit.OK: "it is done",
    Exit.REFUSED: "refused, or it failed",
    Exit.USAGE: "wrong usage, or a value is missing and there is no terminal to ask for it",
    Exit.UNREACHABLE: "the platform, or a part of it, does not answer",
    Exit.NOT_VERIFIED: "verification failed: something is not as it was recorded",
    Exit.SIGNED_OUT: "nobody is signed in; `vistory login EMAIL` first",
    Exit.UNWELL: "something is wrong with the platform; `vistory doctor` says what",
    Exit.HALTED: "the relay stands still: stream and store differ; the message says what to do",
    Exit.FAULTY: "a part did not start, or an event could not be understood; the message says which",
    Exit.NO_WAY_IN: "the data folder cannot be made, or cannot be entered by the user that PostgreSQL runs as",
    Exit.BUSY: "another one is at work in that folder, or there is no room; try again later",
    Exit.MISCONFIGURED: "a setting, a server or a database is not as it must be; the message says what to change",
    Exit.INTERRUPTED: "interrupted by ctrl-C",
}
EPILOG = "Exit status: " + "; ".join(f"{code.value} {words}" for code, words in MEANING.items()) + "."


class Stop(Exception):
    """Ends the command with a message for people and a status for programs."""

    def __init__(self, message: str, exit_code: int = Exit.REFUSED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
