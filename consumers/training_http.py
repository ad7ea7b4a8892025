"""The small HTTP face of a trainer's service: is it well, what does it run, what can it train."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.config import trainer_port

HOST: Final = "127.0.0.1"


class Face(uvicorn.Server):
    """Leaves the signals to the service."""

    def capture_signals(self) -> Any:
        return nullcontext()


def application(health: Callable[[], Any], models: Callable[[], Any], metrics: CollectorRegistry) -> Starlette:
    async def show_health(request: Request) -> Response:
        return JSONResponse(health())

    async def show_models(request: Request) -> Response:
        return JSONResponse({"items": models()})

    async def show_metrics(request: Request) -> Response:
        return Response(
            generate_latest(metrics) + generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    return Starlette(
        routes=[Route("/health", show_health), Route("/models", show_models), Route("/metrics", show_metrics)]
    )


@contextmanager
def listening(framework: str, port: int | None) -> Iterator[socket.socket]:
    """On the port that was named, or on the framework's own, or on the next that is free."""
    first = trainer_port(framework)
    candidates = [port] if port is not None else [*range(first, first + 100)]
    with next(filter(None, map(_bound, candidates)), None) or _nothing_free(candidates) as found:
        yield found


def _bound(port: int) -> socket.socket | None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError:
        listener.close()
        return None
    return listener


def _nothing_free(candidates: list[int]) -> socket.socket:
    raise OSError(f"port {candidates[0]} is taken; stop what listens there, or set VISTORY_TRAINER_PORT")


async def serve(app: Starlette, listener: socket.socket) -> None:
    """Until cancelled."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = Face(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.wait({serving}, timeout=2)
