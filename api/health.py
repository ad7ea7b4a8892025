"""Is it alive, and is each part of the house where it should be."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response

from api import errors
from api.house import House, TheHouse
from domain.values import Value
from infra.streams import EVENTS

router = APIRouter(tags=["health"])


class Health(Value):
    status: Literal["ok"] = "ok"


class Part(Value):
    """How far one consumer of a stream has come; `lag` is in events, of those that follow the ledger.

    Why one stopped is for the operator: its log says, and so does the row of `work.positions`.
    """

    name: str
    stream: str
    position: int
    lag: int | None
    stopped: bool
    moved_at: datetime


class Readiness(Value):
    status: Literal["ready", "lagging"]
    head: int
    parts: list[Part]


@router.get("/health")
async def health() -> Health:
    """Needs no thread: whoever asks whether we live must not wait behind those who ask for more."""
    return Health()


@router.get("/ready", responses=errors.responses(503) | {503: {"model": Readiness}})
def ready(house: TheHouse, response: Response) -> Readiness:
    """503 where a part has stopped; a lag alone is no fault."""
    found = _parts(house, house.core.store.head().position)
    if any(part.stopped for part in found.parts):
        response.status_code = 503
    return found


def _parts(house: House, head: int) -> Readiness:
    with house.core.pool.connection() as connection:
        rows = connection.execute(
            "SELECT consumer, stream, position, stopped IS NOT NULL, moved_at FROM work.positions ORDER BY consumer"
        ).fetchall()
    parts = [
        Part(
            name=name,
            stream=stream,
            position=position,
            lag=max(0, head - position) if stream == EVENTS else None,
            stopped=stopped,
            moved_at=moved_at,
        )
        for name, stream, position, stopped, moved_at in rows
    ]
    behind = any(part.lag or part.stopped for part in parts)
    return Readiness(status="lagging" if behind else "ready", head=head, parts=parts)
