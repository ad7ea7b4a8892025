"""Handlers that wait do so in threads, and nobody waits for them who need not."""

import asyncio
import logging
from threading import Barrier, current_thread

import pytest

from api.threads import threads, waited_for
from domain.errors import NotFound
from infra import logs
from infra.logs import known


def test_handlers_wait_side_by_side() -> None:
    all_there = Barrier(8)
    waiting = waited_for(lambda: all_there.wait(30), threads())

    async def asked() -> set[int]:
        return set(await asyncio.gather(*(waiting() for _ in range(8))))

    assert asyncio.run(asked()) == set(range(8))


def test_a_handler_knows_what_its_request_is_about() -> None:
    with logs.about(request="r"):
        assert asyncio.run(waited_for(lambda: known(logging.makeLogRecord({})), threads())())["request"] == "r"


def test_what_a_handler_refuses_is_refused() -> None:
    def refused() -> None:
        raise NotFound(f"nothing is there, says {current_thread().name}")

    with pytest.raises(NotFound, match="says handler"):
        asyncio.run(waited_for(refused, threads())())


def test_what_is_asynchronous_stays_in_the_loop() -> None:
    async def handler() -> None:
        return None

    assert waited_for(handler, threads()) is handler
