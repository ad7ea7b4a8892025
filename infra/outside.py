"""What every process of ours does first, so that it can be seen from outside: it logs, and traces if asked."""

import logging
import sys
import threading
from types import TracebackType

from infra import logs, tracing
from infra.config import Settings

log = logging.getLogger(__name__)


def begin(process: str, settings: Settings) -> None:
    logs.set_up(process, settings.log_level)
    sys.excepthook = _last_words
    threading.excepthook = _last_words_of_a_thread
    if settings.otlp_endpoint is not None:
        from infra.otlp import Otlp

        headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else None
        tracing.export_to(Otlp(process, settings.otlp_endpoint, headers))


def _last_words(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """Of what ends a process, too, its log tells the kind and the place, and none of the values."""
    if issubclass(kind, KeyboardInterrupt):
        return sys.__excepthook__(kind, error, at)
    log.critical("the process ends by an error that nobody expected", exc_info=(kind, error, at))


def _last_words_of_a_thread(died: threading.ExceptHookArgs) -> None:
    if died.exc_value is not None and not isinstance(died.exc_value, SystemExit):
        name = died.thread.name if died.thread else "unknown"
        found = (died.exc_type, died.exc_value, died.exc_traceback)
        log.critical("the thread %s ends by an error that nobody expected", name, exc_info=found)
