"""Handlers that wait do so in threads, and nobody waits for them who need not."""

import asyncio
import logging
from threading import Barrier, Event, current_thread

import pytest

from api.threads import AT_ONCE, FETCHING_AT_ONCE, fetches, pools, waited_for
from domain.errors import NotFound
from infra import logs
from infra.logs import known


def test_handlers_wait_side_by_side() -> None:
    all_there = Barrier(8)
    waiting = waited_for(lambda: all_there.wait(30), pools())

    async def asked() -> set[int]:
        return set(await asyncio.gather(*(waiting() for _ in range(8))))

    assert asyncio.run(asked()) == set(range(8))


def test_whoever_waits_for_the_object_store_keeps_nobody_waiting_who_needs_nothing_of_it() -> None:
    go_on, threads = Event(), pools()

    @fetches
    def hung() -> bool:
        return go_on.wait(30)

    async def asked() -> int:
        waiting = [asyncio.create_task(waited_for(hung, threads)()) for _ in range(AT_ONCE + FETCHING_AT_ONCE)]
        await asyncio.sleep(0)
        answer: int = await waited_for(lambda: 1, threads)()
        assert not any(each.done() for each in waiting)
        go_on.set()
        assert all(await asyncio.gather(*waiting))
        return answer

    assert asyncio.run(asked()) == 1


def test_a_handler_knows_what_its_request_is_about() -> None:
    with logs.about(request="r"):
        assert asyncio.run(waited_for(lambda: known(logging.makeLogRecord({})), pools())())["request"] == "r"


def test_what_a_handler_refuses_is_refused() -> None:
    def refused() -> None:
        raise NotFound(f"nothing is there, says {current_thread().name}")

    with pytest.raises(NotFound, match="says handler"):
        asyncio.run(waited_for(refused, pools())())


def test_what_is_asynchronous_stays_in_the_loop() -> None:
    async def handler() -> None:
        return None

    assert waited_for(handler, pools()) is handler
