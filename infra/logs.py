"""How every process of ours logs: JSON lines, or words on a terminal, each with the ids that it belongs to."""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, TextIO

from infra import tracing

READY: Final = "ready"
SAID_AGAIN_AFTER: Final = 60.0
# What they say of a request is its address, and that may be a credential for minutes.
QUIET: Final = ("httpx", "httpcore", "urllib3")
_IDS: ContextVar[Mapping[str, str]] = ContextVar("ids", default=MappingProxyType({}))


@contextmanager
def about(**ids: object) -> Iterator[None]:
    """Whatever is logged inside, also by threads and tasks that begin there, names these."""
    token = _IDS.set({**_IDS.get(), **{name: str(id) for name, id in ids.items() if id is not None}})
    try:
        yield
    finally:
        _IDS.reset(token)


def set_up(process: str, level: str, out: TextIO | None = None) -> None:
    """Once, at the start of a process."""
    out = out or sys.stdout
    handler = logging.StreamHandler(out)
    handler.setFormatter(Words() if out.isatty() else Lines(process))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def say_ready() -> None:
    """For whoever started this process; said at any level."""
    record = logging.makeLogRecord({"name": __name__, "levelno": logging.INFO, "levelname": "INFO", "msg": READY})
    for handler in logging.getLogger().handlers:
        handler.handle(record)


def is_ready(line: bytes) -> bool:
    """Whether a line of a log is that."""
    try:
        return bool(json.loads(line)["message"] == READY)
    except (ValueError, KeyError, TypeError):
        return False


class Complaints:
    """What would be said over and over while something lasts is said once a minute."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: dict[str, float] = {}

    def hear(self, words: str) -> None:
        now = time.monotonic()
        self._said = {each: at for each, at in self._said.items() if now - at < SAID_AGAIN_AFTER}
        if words not in self._said:
            self._said[words] = now
            self._log.warning("%s", words)


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:
        """Without the values that an error quotes."""
        from infra.redaction import in_full

        return in_full(ei[1]) if ei[1] else ""


class Lines(_Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        } | dict(known(record))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class Words(_Formatter):
    """For people: the time of day, the message, and what it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        ids = " ".join(f"{name}={value}" for name, value in known(record).items() if name != "milliseconds")
        words = f"{time} {record.levelname:<7} {record.getMessage()}  {ids}".rstrip()
        return f"{words}\n{self.formatException(record.exc_info)}" if record.exc_info else words


def known(record: logging.LogRecord) -> Mapping[str, Any]:
    """What it belongs to, and the facts that it brings itself."""
    trace = {"trace": trace} if (trace := tracing.trace_id()) else {}
    return {**_IDS.get(), **trace, **getattr(record, "facts", {})}
