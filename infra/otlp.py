"""Spans by OTLP over HTTP: imported only where an endpoint is named, since this costs time and memory."""

from typing import Any, Final
from urllib.parse import unquote

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from infra.code_version import code_version
from infra.tracing import Kind

EVERY_MILLISECONDS: Final = 1000
# A process that ends waits no longer than this for an endpoint that is away.
SECONDS: Final = 2
KINDS: Final = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "consumer": trace.SpanKind.CONSUMER,
    "producer": trace.SpanKind.PRODUCER,
}
_W3C: Final = TraceContextTextMapPropagator()


class Otlp:
    """Never the caller's concern: spans are sent by a thread, and dropped where nobody takes them."""

    def __init__(self, process: str, endpoint: str, headers: str | None) -> None:
        named = {
            "service.namespace": "vistory",
            "service.name": f"vistory-{process}",
            "service.version": code_version(),
        }
        provider = TracerProvider(resource=Resource.create(named))
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", headers=pairs(headers), timeout=SECONDS)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EVERY_MILLISECONDS))
        self._tracer = provider.get_tracer("vistory")
        self.flush, self.close = provider.force_flush, provider.shutdown

    def start(self, name: str, parent: str | None, kind: Kind, attributes: Any, begun: int | None = None) -> "OtlpSpan":
        context = _W3C.extract({"traceparent": parent}) if parent else trace.set_span_in_context(trace.INVALID_SPAN)
        return OtlpSpan(self._tracer.start_span(name, context, KINDS[kind], plain(attributes), start_time=begun))


class OtlpSpan:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        at = self._span.get_span_context()
        return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **attributes: Any) -> None:
        self._span.set_attributes(plain(attributes))

    def event(self, name: str, **attributes: Any) -> None:
        self._span.add_event(name, plain(attributes))

    def fail(self, kind: str) -> None:
        self._span.set_status(trace.StatusCode.ERROR, kind)

    def end(self, at: int | None = None) -> None:
        self._span.end(at)


def plain(attributes: Any) -> dict[str, Any]:
    kept = {name: value for name, value in attributes.items() if value is not None}
    return {name: value if isinstance(value, int | float | bool) else str(value) for name, value in kept.items()}


def pairs(headers: str | None) -> dict[str, str]:
    """As OTEL_EXPORTER_OTLP_HEADERS writes them: `name=value,name=value`, percent-encoded."""
    found = [pair.partition("=") for pair in (headers or "").split(",") if "=" in pair]
    return {name.strip(): unquote(value.strip()) for name, _, value in found}
