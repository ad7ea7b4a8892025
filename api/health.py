"""Is it alive, and is each part of the house where it should be."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response

from api import errors
from api.house import House, TheHouse
from domain.values import Value

router = APIRouter(tags=["health"])


class Alive(Value):
    status: Literal["ok"] = "ok"


class Part(Value):
    """How far one consumer of the ledger has come; `lag` is in events."""

    name: str
    position: int
    lag: int
    stopped: str | None
    moved_at: datetime


class Readiness(Value):
    status: Literal["ready", "lagging"]
    head: int
    parts: list[Part]


@router.get("/health")
def health() -> Alive:
    return Alive()


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
            "SELECT consumer, position, stopped, moved_at FROM work.positions ORDER BY consumer"
        ).fetchall()
    parts = [
        Part(name=name, position=position, lag=max(0, head - position), stopped=stopped, moved_at=moved_at)
        for name, position, stopped, moved_at in rows
    ]
    behind = any(part.lag or part.stopped for part in parts)
    return Readiness(status="lagging" if behind else "ready", head=head, parts=parts)
