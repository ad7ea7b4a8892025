"""Handlers may simply wait: each runs in a thread of these, one hop there and back.

FastAPI would take a hop more to look at the answer, and twice the time for either.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, Final

AT_ONCE: Final = 40


def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, "handler")


def waited_for(handler: Callable[..., Any], hands: ThreadPoolExecutor) -> Callable[..., Any]:
    """The same handler, asynchronous; one that is so already is left as it is."""
    if iscoroutinefunction(handler):
        return handler

    @wraps(handler)
    async def waiting(**given: Any) -> Any:
        work = partial(copy_context().run, handler, **given)
        return await asyncio.get_running_loop().run_in_executor(hands, work)

    return waiting
