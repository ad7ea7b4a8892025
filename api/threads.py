"""Handlers may simply wait: each runs in a thread of these, one hop there and back.

FastAPI would take a hop more to look at the answer, and twice the time for either. Those who wait for the object store
have threads of their own: while it hangs, nobody waits who needs nothing of it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, Final, NamedTuple, TypeVar

AT_ONCE: Final = 40
FETCHING_AT_ONCE: Final = 8
R = TypeVar("R")
H = TypeVar("H", bound=Callable[..., Any])


class Pools(NamedTuple):
    usual: ThreadPoolExecutor
    fetching: ThreadPoolExecutor

    def of(self, handler: Callable[..., Any]) -> ThreadPoolExecutor:
        return self.fetching if getattr(handler, "fetches", False) else self.usual


def pools() -> Pools:
    return Pools(ThreadPoolExecutor(AT_ONCE, "handler"), ThreadPoolExecutor(FETCHING_AT_ONCE, "fetching"))


def fetches(handler: H) -> H:
    """Of a handler that asks the object store for something before it answers."""
    handler.fetches = True  # type: ignore[attr-defined]
    return handler


def waited_for(handler: Callable[..., Any], pools: Pools) -> Callable[..., Any]:
    """The same handler, asynchronous; one that is so already is left as it is."""
    if iscoroutinefunction(handler):
        return handler

    @wraps(handler)
    async def waiting(**given: Any) -> Any:
        work = partial(copy_context().run, handler, **given)
        return await asyncio.get_running_loop().run_in_executor(pools.of(handler), work)

    return waiting


async def in_a_thread(pool: ThreadPoolExecutor, work: Callable[[], R]) -> R:
    """Of this pool, in the context of whoever asks."""
    return await asyncio.get_running_loop().run_in_executor(pool, partial(copy_context().run, work))
