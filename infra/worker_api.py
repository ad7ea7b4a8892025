"""The platform as a worker sees it: HTTP with the worker's credential, then with the token of one attempt."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from uuid import UUID

import httpx

from infra import tracing
from infra.leases import Key
from infra.names import PREFIX, PROBLEM

TIMEOUT: Final = httpx.Timeout(15.0, connect=3.0)
LONGEST_PAUSE: Final = 5.0
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)  # between addresses that the store does not take; it may be starting
ASK_AGAIN: Final = (408, 425, 429)
LOST_RACE: Final = f"{PROBLEM}conflict"
BUSY: Final = f"{PROBLEM}organization-is-busy"
NO_HOURS: Final = f"{PROBLEM}gpu-hours-are-used-up"
T = TypeVar("T")
Reclaim = Callable[[], Awaitable[Mapping[str, Any]]]


class Away(Exception):
    """The platform cannot be reached or cannot answer now; the same request may be made again."""


class Turned(Exception):
    """The platform understood and said no; asking again would not change that."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(f"{status}: {problem}")
        self.status = status


class Busy(Away):
    """The organization runs as many trainings as it may: its job is asked for again after others had their turn."""


class NoHours(Away):
    """The organization may use no GPU for now: this job waits, its others need not."""


class Over(Turned):
    """The attempt is taken, stale or at its end: whoever works on it must stop."""


class Gone(Turned):
    """The platform itself says that there is no such thing."""


@dataclass(frozen=True)
class Standing:
    """What the platform says of an attempt."""

    current: bool
    cancelling: bool
    archived: int


@dataclass(frozen=True)
class Produced:
    """A file that a training made, by its hash."""

    path: Path
    sha256: str
    size: int

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> Self:
        path = Path(message["path"])
        return cls(path, message["sha256"], message.get("size") or path.stat().st_size)


class WorkerApi:
    def __init__(self, url: str, credential: str, client: httpx.AsyncClient | None = None) -> None:
        self.client = client or httpx.AsyncClient(timeout=TIMEOUT, limits=httpx.Limits(max_connections=20))
        self._url = url.rstrip("/") + PREFIX
        self._credential = credential

    async def register(self, framework: str, models: Any, gpus: int) -> None:
        body = {"framework": framework, "models": models, "gpus": gpus}
        await self.ask("POST", "/workers/models", self._credential, body)

    async def claim(self, key: Key, worker_id: UUID, worker: str, gpus: int) -> dict[str, Any]:
        body = {"attempt": key.attempt, "worker_id": str(worker_id), "worker": worker, "gpus": gpus}
        path, once = f"/training-jobs/{key.job}/attempts", f"claim-{key}-{worker_id}"
        claim: dict[str, Any] = await self.ask("POST", path, self._credential, body, once)
        return claim

    async def ask(self, method: str, path: str, token: str, body: Any = None, once: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": once} if once else {})
        if method != "GET" and (trace := tracing.current()):  # what is only looked up says nothing in a trace
            headers["traceparent"] = trace
        try:
            answer = await self.client.request(method, self._url + path, json=body, headers=headers)
        except httpx.TransportError as error:
            raise Away(f"{type(error).__name__} {error}") from error
        return _understood(answer)

    async def close(self) -> None:
        await self.client.aclose()


class AttemptApi:
    """One attempt's share of the platform. An expired token is minted anew by claiming again, which changes nothing."""

    def __init__(self, api: WorkerApi, key: Key, token: str, reclaim: Reclaim | None) -> None:
        self.key = key
        self._api = api
        self._token = token
        self._reclaim = reclaim
        self._path = f"/training-jobs/{key.job}/attempts/{key.attempt}"

    async def claimed_again(self) -> Mapping[str, Any]:
        """The claim with a token and addresses that are good from now on. Raises Over where the attempt is not ours."""
        if self._reclaim is None:
            raise Over(httpx.codes.UNAUTHORIZED, "nobody may claim this attempt once more")
        claim = await self._reclaim()
        self._token = str(claim["token"])
        return claim

    async def page(self, after: str) -> Any:
        """Some of the snapshot's images, each with an address that is good for minutes only."""
        query = httpx.QueryParams({"limit": 1000} | ({"after": after} if after else {}))
        return await self._ask("GET", f"/entries?{query}")

    async def upload(self, file: Produced) -> None:
        """Put the file where the platform says, unless it is there; then let the platform see that it is."""
        for pause in (*PAUSES, None):
            if (place := await self._place(file)) is None:
                return
            try:
                await self._put(file, place)
                break
            except Turned as error:
                if error.status != httpx.codes.FORBIDDEN or pause is None:
                    raise
                await asyncio.sleep(pause)
        if await self._place(file) is not None:
            raise Away(f"the object store has not got {file.sha256} yet")

    async def _place(self, file: Produced) -> Mapping[str, Any] | None:
        place = await self._ask("POST", "/objects", {"sha256": file.sha256, "size": file.size})
        return None if place.get("present") else place

    async def _put(self, file: Produced, place: Mapping[str, Any]) -> None:
        """The address signs the checksum: the store itself refuses other bytes."""
        checksum = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        headers = {"x-amz-checksum-sha256": checksum} | (place.get("headers") or {})
        headers |= {"Content-Length": str(file.size)}
        try:
            answer = await self._api.client.put(place["url"], content=_chunks(file.path), headers=headers)
        except httpx.TransportError as error:
            raise Away(f"the object store: {type(error).__name__} {error}") from error
        if 400 <= answer.status_code < 500 and answer.status_code not in ASK_AGAIN:
            raise Turned(answer.status_code, "the object store does not take the file")
        if answer.status_code >= 300:
            raise Away(f"the object store answered {answer.status_code}")

    async def report(self, what: str, body: Mapping[str, Any], once: str) -> bool:
        """Whether the job is to be cancelled."""
        answer = await self._ask("POST", f"/{what}", body, f"{what}-{self.key}-{once}")
        return bool(answer.get("cancelling"))

    async def standing(self) -> Standing:
        answer = await self._ask("GET", "")
        return Standing(answer["current"], answer["cancelling"], answer.get("archived") or 0)

    async def _ask(self, method: str, path: str, body: Any = None, once: str | None = None) -> Any:
        try:
            return await self._api.ask(method, self._path + path, self._token, body, once)
        except Turned as error:
            if error.status != httpx.codes.UNAUTHORIZED or self._reclaim is None:
                raise
        await self.claimed_again()
        return await self._api.ask(method, self._path + path, self._token, body, once)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Until the platform answers, however long it is away."""
    pause = 0.25
    while True:
        try:
            return await ask()
        except Away:
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)


def _understood(answer: httpx.Response) -> Any:
    if answer.status_code >= 500 or answer.status_code in ASK_AGAIN:
        raise Away(f"{answer.status_code}")
    if answer.status_code == httpx.codes.CONFLICT and _kind(answer) == LOST_RACE:
        raise Away("somebody else changed the job at the same moment")
    if answer.status_code == httpx.codes.CONFLICT and _kind(answer) == BUSY:
        raise Busy(_problem(answer))
    if answer.status_code == httpx.codes.CONFLICT and _kind(answer) == NO_HOURS:
        raise NoHours(_problem(answer))
    if answer.status_code == httpx.codes.CONFLICT:
        raise Over(answer.status_code, _problem(answer))
    if answer.status_code == 404 and _kind(answer).startswith(PROBLEM):
        raise Gone(answer.status_code, _problem(answer))
    if answer.status_code >= 400:
        raise Turned(answer.status_code, _problem(answer))
    return answer.json() if answer.content else {}


def _kind(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("type"))
    except (ValueError, AttributeError):
        return ""


def _problem(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        return str(problem.get("detail") or problem.get("title"))[:500]
    except (ValueError, AttributeError):
        return answer.reason_phrase


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, 2**20):
            yield chunk
