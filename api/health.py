"""Is it alive, and does each part of the house go on."""

from typing import Literal

from fastapi import APIRouter, Response

from api import errors
from api.house import TheHouse
from domain.values import Value

router = APIRouter(tags=["health"])


class Health(Value):
    status: Literal["ok"] = "ok"


class Readiness(Value):
    """`stopped` names the parts that stand still.

    How far each has come, and why one stopped, is not for the world: `vistory doctor` and `/metrics` tell it on the
    machine itself.
    """

    status: Literal["ready", "stopped"]
    stopped: list[str]


@router.get("/health", summary="Check whether the API is alive")
async def health() -> Health:
    """Needs no thread: whoever asks whether we live must not wait behind those who ask for more."""
    return Health()


@router.get(
    "/ready",
    summary="Check whether the platform is ready",
    responses=errors.responses(503) | {503: {"model": Readiness}},
)
def ready(house: TheHouse, response: Response) -> Readiness:
    """503 where a part has stopped; one that is late is no fault."""
    with house.core.pool.connection() as connection:
        rows = connection.execute("SELECT consumer FROM work.positions WHERE stopped IS NOT NULL ORDER BY consumer")
        stopped = [name for (name,) in rows]
    if stopped:
        response.status_code = 503
    return Readiness(status="stopped" if stopped else "ready", stopped=stopped)
