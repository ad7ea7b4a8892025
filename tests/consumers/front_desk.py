"""The platform as a worker meets it, in memory: claims, entries, objects and reports, over real HTTP."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

IMAGE = b"an image, as far as anybody here can tell"
ORGANIZATION = UUID(int=5)


@dataclass
class FrontDesk:
    """`away` makes every answer a 503; addresses of claims before the one numbered `good_from` have expired;
    jobs that are `unknown` cannot be claimed, and attempts that are `forgotten` stand nowhere; those before `current`
    are stale. What is `held` ("claim", or a report's name) reaches the desk, and its answer does not come until it
    is held no more: a claim is noted by then, a report is not.
    """

    resume: tuple[dict[str, Any], ...] = ()
    objects: dict[str, bytes] = field(default_factory=dict)
    claimed: list[tuple[str, int]] = field(default_factory=list)
    reports: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    models: Any = None
    away: bool = False
    stale: bool = False
    cancelling: bool = False
    archived: int = 0
    copies: int = 1
    claims: int = 0
    asked: int = 0
    polls: int = 0
    good_from: int = 0
    refuses: tuple[str, ...] = ()
    unknown: bool = False
    limit: int = 1_000
    no_hours_for: str = ""
    held: str = ""
    holding: int = 0
    forgotten: bool = False
    parameters: dict[str, Any] = field(default_factory=lambda: {"epochs": 2})
    current: int = 1
    put_answers: list[int] = field(default_factory=list)
    withheld: frozenset[str] = frozenset()
    given: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.objects[digest(IMAGE)] = IMAGE

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.reports]

    def application(self) -> Starlette:
        base = "/api/v1/training-jobs/{job}/attempts"
        return Starlette(
            routes=[
                Route("/api/v1/workers/models", self.take_models, methods=["POST"]),
                Route(base, self.claim, methods=["POST"]),
                Route(base + "/{n:int}", self.standing),
                Route(base + "/{n:int}/entries", self.entries),
                Route(base + "/{n:int}/objects", self.place, methods=["POST"]),
                Route(base + "/{n:int}/{what}", self.report, methods=["POST"]),
                Route("/blobs/{sha256}", self.blob, methods=["GET", "PUT"]),
            ]
        )

    async def take_models(self, request: Request) -> Response:
        self.models = (await request.json())["models"]
        return JSONResponse({})

    async def claim(self, request: Request) -> Response:
        body, job = await request.json(), request.path_params["job"]
        self.asked += 1
        if self.away:
            return JSONResponse({}, 503)
        if self.unknown:
            return JSONResponse({"type": "urn:vistory:problem:not-found", "detail": "there is no such job"}, 404)
        if self.no_hours_for == job:
            return JSONResponse({"type": "urn:vistory:problem:gpu-hours-are-used-up", "detail": "used up"}, 409)
        if not self._has_place(job):
            return JSONResponse({"type": "urn:vistory:problem:organization-is-busy", "detail": "it has its share"}, 409)
        if (job, body["attempt"]) in self.claimed and request.headers["Idempotency-Key"] not in self.keys:
            return JSONResponse({"detail": "taken"}, 409)
        self.claims += 1
        self.keys.append(request.headers["Idempotency-Key"])
        self.claimed.append((job, body["attempt"]))
        await self._held("claim")
        return JSONResponse({"token": "a token", "job": self.job(job, body["attempt"])}, 201)

    def _has_place(self, job: str) -> bool:
        """Jobs are of one organization where the first letter of their ids is the same; only `complete` ends one."""
        running = {each for each, _ in self.claimed if each[0] == job[0]} - {job} - self.completed
        return len(running) < self.limit

    def job(self, job: str, attempt: int) -> dict[str, Any]:
        recipe = {"framework": "timm", "model": "tiny", "parameters": self.parameters, "device": "cpu"}
        resume = [each | {"url": f"{self.url}/blobs/{each['sha256']}?claim={self.claims}"} for each in self.resume]
        return {
            "id": job,
            "attempt": attempt,
            "organization_id": str(ORGANIZATION),
            "recipe": recipe,
            "classes": ["a", "b"],
            "task": "classification",
            "resume": resume,
            "weights": None,
        }

    async def entries(self, request: Request) -> Response:
        """Two pages, each with one image, as often as there are `copies`."""
        side = "val" if request.query_params.get("after") else "train"
        sha256 = digest(IMAGE)
        entry = {"path": f"{side}.png", "sha256": sha256, "size": len(IMAGE), "width": 1, "height": 1}
        entry |= {"annotations": [{"class": 0}], "side": side, "url": f"{self.url}/blobs/{sha256}"}
        copies = [entry | {"path": f"{n}/{side}.png"} for n in range(1, self.copies)]
        return JSONResponse({"items": [entry, *copies], "next": None if side == "val" else "train.png"})

    async def place(self, request: Request) -> Response:
        sha256 = (await request.json())["sha256"]
        if sha256 in self.objects:
            return JSONResponse({"present": True})
        return JSONResponse({"present": False, "url": f"{self.url}/blobs/{sha256}", "headers": {}})

    async def blob(self, request: Request) -> Response:
        sha256 = request.path_params["sha256"]
        if int(request.query_params.get("claim", self.good_from)) < self.good_from:
            return Response(status_code=403)
        if sha256 in self.withheld:
            return Response(status_code=500)
        if request.method == "PUT" and self.put_answers:
            return Response(status_code=self.put_answers.pop(0))
        if request.method == "PUT":
            self.objects[sha256] = await request.body()
        else:
            self.given.append(sha256)
        return Response(self.objects[sha256]) if sha256 in self.objects else Response(status_code=404)

    async def report(self, request: Request) -> Response:
        if await self._held(request.path_params["what"]) or self.away:
            return JSONResponse({}, 503)
        if self._is_stale(request):
            return JSONResponse({"detail": "another attempt has begun"}, 409)
        if request.path_params["what"] in self.refuses:
            return JSONResponse({"detail": "it is not as it should be"}, 422)
        if (key := request.headers["Idempotency-Key"]) not in self.keys:
            self.keys.append(key)
            self.reports.append((request.path_params["what"], await request.json()))
            if request.path_params["what"] == "complete":
                self.completed.add(request.path_params["job"])
        return JSONResponse({"cancelling": self.cancelling})

    async def _held(self, what: str) -> bool:
        """Whether it was, once it is not any more."""
        if what != self.held:
            return False
        self.holding += 1
        while what == self.held:  # noqa: ASYNC110 (a test decides)
            await asyncio.sleep(0.02)
        return True

    async def standing(self, request: Request) -> Response:
        self.polls += 1
        if self.forgotten:
            return JSONResponse({"type": "urn:vistory:problem:not-found", "detail": "there is no such attempt"}, 404)
        current = not self._is_stale(request)
        return JSONResponse({"current": current, "cancelling": self.cancelling, "archived": self.archived})

    def _is_stale(self, request: Request) -> bool:
        return self.stale or request.path_params["n"] < self.current


@asynccontextmanager
async def opened(desk: FrontDesk) -> AsyncIterator[FrontDesk]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        desk.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(desk.application(), log_level="error", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield desk
        finally:
            server.should_exit = True
            await serving


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
