"""One trace from a request to the training it asked for: spans, where an endpoint is named that wants them.

Without one, nothing of OpenTelemetry is imported, and only the trace's id is handed on (W3C Trace Context).
"""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Literal, Protocol

Kind = Literal["internal", "server", "consumer", "producer"]
MOST_TRACES: Final = 32
_FORM: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
_CURRENT: ContextVar[str | None] = ContextVar("traceparent", default=None)


class Span(Protocol):
    @property
    def traceparent(self) -> str | None: ...

    def name(self, name: str) -> None: ...

    def note(self, **attributes: Any) -> None: ...

    def event(self, name: str, **attributes: Any) -> None: ...

    def fail(self, kind: str) -> None: ...

    def end(self, at: int | None = None) -> None: ...


class Exporter(Protocol):
    """Starts spans, and brings them to the endpoint when they have ended."""

    def start(self, name: str, parent: str | None, kind: Kind, attributes: Any, begun: int | None = None) -> Span: ...


class Silent:
    """A span that nobody wants to see: what comes after it belongs to its parent."""

    def __init__(self, parent: str | None) -> None:
        self.traceparent = parent

    def name(self, name: str) -> None:
        pass

    def note(self, **attributes: Any) -> None:
        pass

    def event(self, name: str, **attributes: Any) -> None:
        pass

    def fail(self, kind: str) -> None:
        pass

    def end(self, at: int | None = None) -> None:
        pass


class Off:
    def start(self, name: str, parent: str | None, kind: Kind, attributes: Any, begun: int | None = None) -> Span:
        return Silent(parent)


_exporter: Exporter = Off()


def export_to(exporter: Exporter) -> None:
    """From now on, in this process."""
    global _exporter
    _exporter = exporter


def begun(caller: str | None) -> str | None:
    """What the span of a request is put under: the caller's trace goes on here, or one begins.

    Where no span is made of it, the request gets an id in that trace all the same.
    """
    found = _FORM.fullmatch(caller or "")
    if not isinstance(_exporter, Off):
        return caller if found else None
    return f"00-{found[1] if found else secrets.token_hex(16)}-{secrets.token_hex(8)}-{found[2] if found else '01'}"


def current() -> str | None:
    """The traceparent that a request to somebody else carries."""
    return _CURRENT.get()


def trace_id() -> str | None:
    return found[1] if (found := _FORM.fullmatch(_CURRENT.get() or "")) else None


@contextmanager
def span(name: str, parent: str | None = None, kind: Kind = "internal", **attributes: Any) -> Iterator[Span]:
    """Below `parent`, or else below the span around it. An error is named by its kind: its words may be personal."""
    begun = _exporter.start(name, parent or _CURRENT.get(), kind, attributes)
    token = _CURRENT.set(begun.traceparent)
    try:
        yield begun
    except Exception as error:
        begun.fail(type(error).__name__)
        raise
    finally:
        _CURRENT.reset(token)
        begun.end()


@contextmanager
def batch(name: str, parents: Callable[[], Iterable[str | None]], kind: Kind, **attributes: Any) -> Iterator[None]:
    """Work on many things at once is seen in the trace of each, as far as they can be told apart."""
    begun = time.time_ns()
    yield
    if not isinstance(_exporter, Off):
        ended, distinct = time.time_ns(), dict.fromkeys(filter(None, parents()))
        for parent in list(distinct)[:MOST_TRACES]:
            _exporter.start(name, parent, kind, attributes, begun).end(ended)
