"""Runs the API under uvicorn; what is logged of a request names no query and no header."""

import gc
import logging
import resource
from contextlib import AsyncExitStack
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from api.protocol import Guarded, Socket
from api.unread import Unread
from infra import logs
from infra.config import Settings

STOP_SECONDS: Final = 3
# Lines of several addresses at once; the usual limit of a shell, 1,024, would be used up by one.
MOST_FILES: Final = 16_384


class WithoutQuery(logging.Filter):
    """Tokens and presigned addresses travel in queries, and a log is kept."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_bare(each) for each in record.args)
        return True


def _bare(value: Any) -> Any:
    return value.partition("?")[0] if isinstance(value, str) and value.startswith("/") else value


class Announced(uvicorn.Server):
    """Says `ready` once requests are answered.

    It opens the house itself: uvicorn would log a traceback and keep why it cannot be opened from whoever started this.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self.unread = Unread()
        self._app, self._open = app, AsyncExitStack()

    async def startup(self, *args: Any, **kwargs: Any) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._app.router.lifespan_context(self._app))
            await super().startup(*args, **kwargs)
            self._open = stack.pop_all()
        if self.started:
            # What is there now stays: a collection that walked through all of it held every request for 0.4 s.
            gc.collect()
            gc.freeze()
            logs.say_ready()

    async def shutdown(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().shutdown(*args, **kwargs)
        finally:
            await self._open.aclose()

    async def on_tick(self, counter: int) -> bool:
        self.unread.look(self.server_state.connections)
        return await super().on_tick(counter)


def configured(app: FastAPI, settings: Settings) -> Announced:
    configuration = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        ws_max_size=64 * 1024,
        http=Guarded,
        ws=Socket,
        forwarded_allow_ips=settings.trusted_proxies,
        lifespan="off",
    )
    logging.getLogger("uvicorn.error").addFilter(WithoutQuery())
    return Announced(configuration, app)


def serve(app: FastAPI, settings: Settings) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    configured(app, settings).run()
