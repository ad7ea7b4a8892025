"""What every process of ours does first, so that it can be seen from outside: it logs, and traces if asked."""

from infra import logs, tracing
from infra.config import Settings


def begin(process: str, settings: Settings) -> None:
    logs.set_up(process, settings.log_level)
    if settings.otlp_endpoint is not None:
        from infra.otlp import Otlp

        headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else None
        tracing.export_to(Otlp(process, settings.otlp_endpoint, headers))
