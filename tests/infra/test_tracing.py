"""Spans reach an endpoint that is named, each below its cause; without one they cost nothing, and the trace goes on."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from infra import tracing
from infra.otlp import Otlp, pairs
from tests.otlp_receiver import Receiver, Seen, receiving

CALLER = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
# FastAPI and FastStream import OpenTelemetry's small API themselves, wherever it is installed.
HEAVY = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http", "google.protobuf", "requests")
OTHER = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"
Settle = Callable[[], Receiver]


@pytest.fixture
def settled() -> Iterator[Settle]:
    """The receiver, once all that ended was sent to it."""
    with receiving() as receiver:
        exporter = Otlp("a-process", receiver.url, None)
        tracing.export_to(exporter)

        def settled() -> Receiver:
            exporter.flush()
            return receiver

        yield settled
        tracing.export_to(tracing.Off())
        exporter.close()


def one(receiver: Receiver, name: str) -> Seen:
    (found,) = receiver.named(name)
    return found


def test_a_span_is_below_the_one_around_it_and_that_one_below_its_caller(settled: Settle) -> None:
    with tracing.span("outer", CALLER, "server", route="/x"), tracing.span("inner", count=3):
        pass
    outer, inner = one(settled(), "outer"), one(settled(), "inner")
    assert f"00-{outer.trace}-{outer.parent}-01" == CALLER
    assert (inner.trace, inner.parent) == (outer.trace, outer.id)
    assert (outer.attributes, inner.attributes) == ({"route": "/x"}, {"count": 3})
    assert outer.service == "vistory-a-process"


def test_an_error_is_named_by_its_kind_and_its_words_are_kept_back(settled: Settle) -> None:
    with pytest.raises(ValueError, match="Zephyrine"), tracing.span("fails"):
        raise ValueError("Zephyrine was here")
    found = one(settled(), "fails")
    assert found.status == "ValueError"
    assert "Zephyrine" not in str(found)


def test_work_on_many_things_is_seen_in_the_trace_of_each_once(settled: Settle) -> None:
    with tracing.batch("publish", lambda: [CALLER, None, OTHER, CALLER], "producer", events=4):
        pass
    found = settled().named("publish")
    assert sorted(f"00-{span.trace}-{span.parent}-01" for span in found) == sorted([CALLER, OTHER])
    assert {span.attributes["events"] for span in found} == {4}


def test_a_flood_of_traces_is_cut_off(settled: Settle) -> None:
    many = [f"00-{n:032x}-{n:016x}-01" for n in range(1, 500)]
    with tracing.batch("publish", lambda: many, "producer"):
        pass
    assert len(settled().named("publish")) == tracing.MOST_TRACES


def test_what_is_no_trace_begins_one(settled: Settle) -> None:
    for nonsense in (None, "", "00-0-0-01", f"00-{'0' * 32}-{'0' * 16}-01", "'; DROP TABLE"):
        with tracing.span("request", tracing.begun(nonsense)):
            assert tracing.trace_id()
    assert {span.parent for span in settled().named("request")} == {""}


def test_without_an_endpoint_the_trace_goes_on_all_the_same() -> None:
    with tracing.span("request", given := tracing.begun(CALLER)) as span, tracing.span("inner"):
        assert span.traceparent == given == tracing.current()
        assert tracing.trace_id() == CALLER.split("-")[1]
    assert tracing.current() is None
    with tracing.batch("publish", lambda: pytest.fail("nobody asks"), "producer"):
        pass


def test_headers_are_read_as_opentelemetry_writes_them() -> None:
    assert pairs("authorization=Basic%20x%3D, x-b = 2") == {"authorization": "Basic x=", "x-b": "2"}
    assert pairs(None) == {}


def test_no_process_imports_what_exports_spans_before_an_endpoint_is_named() -> None:
    code = (
        f"HEAVY = {HEAVY}; import sys; from infra.config import Settings; from infra import outside;"
        "import api, api.server, consumers.relay, consumers.projector, consumers.app, consumers.training;"
        "outside.begin('api', Settings()); print([name for name in HEAVY if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert done.stdout.strip() == "[]"
