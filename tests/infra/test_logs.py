"""One way of logging: JSON lines with the ids that they belong to, words on a terminal."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from infra import logs, tracing

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
log = logging.getLogger("a.logger")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    root.handlers = []
    yield
    root.handlers, root.level = handlers, level


@pytest.fixture
def out() -> io.StringIO:
    out = io.StringIO()
    logs.set_up("a-process", "info", out)
    return out


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_says_when_how_grave_where_and_what(out: io.StringIO) -> None:
    log.warning("met %s", "trouble\non two lines")
    (line,) = lines(out)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "process": "a-process",
        "logger": "a.logger",
        "message": "met trouble\non two lines",
    }


def test_it_names_the_ids_around_it_also_from_threads_and_tasks(out: io.StringIO) -> None:
    async def story() -> None:
        with logs.about(job="j", attempt=2), tracing.span("training", TRACE), logs.about(command=None):
            await asyncio.gather(asyncio.to_thread(log.info, "from a thread"), asyncio.create_task(say()))
        log.info("outside")

    async def say() -> None:
        log.info("from a task", extra={"facts": {"status": 200}})

    asyncio.run(story())
    *inside, outside = lines(out)
    ids = [(line["job"], line["attempt"], line["trace"], line.get("status")) for line in inside]
    trace = TRACE.split("-")[1]
    assert sorted(ids, key=str) == [("j", "2", trace, 200), ("j", "2", trace, None)]
    assert {"job", "trace", "command"} & set(outside) == set()


def test_an_exception_stays_on_its_line(out: io.StringIO) -> None:
    try:
        raise ValueError("no")
    except ValueError:
        log.exception("broke down")
    (line,) = lines(out)
    assert line["exception"].endswith("ValueError")
    assert "in test_an_exception_stays_on_its_line" in line["exception"]


def test_that_a_process_is_ready_is_said_at_any_level() -> None:
    out = io.StringIO()
    logs.set_up("a-process", "critical", out)
    log.error("nobody hears this")
    logs.say_ready()
    (line,) = out.getvalue().encode().splitlines()
    assert logs.is_ready(line)
    assert not any(map(logs.is_ready, (b"ready", b"[1]", b"", b'{"message": "ready, nearly"}')))


def test_people_at_a_terminal_read_words() -> None:
    out = Terminal()
    logs.set_up("a-process", "info", out)
    with logs.about(job="j"):
        log.info("begins")
    assert out.getvalue().endswith("INFO    begins  job=j\n")


def test_addresses_that_are_credentials_are_not_logged_by_those_who_ask_them(out: io.StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: PUT http://store/x?X-Amz-Signature=abc")
    assert lines(out) == []


def test_what_would_be_said_over_and_over_is_said_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints = logs.Complaints(logging.getLogger("infra.bus"))

    def heard(*words: str) -> list[str]:
        caplog.clear()
        for each in words:
            complaints.hear(each)
        return [record.message for record in caplog.records]

    assert heard("it is gone", "it is gone", "it refuses", "it is gone") == ["it is gone", "it refuses"]
    monkeypatch.setattr(logs, "SAID_AGAIN_AFTER", 0.0)
    assert heard("it is gone") == ["it is gone"]
