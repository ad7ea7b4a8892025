"""The API over HTTP, as the command line and the demo use it: through the same door as everybody else."""

import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from cli.exits import Exit, Stop

PREFIX = "/api/v1"
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
# Where an answer does not say when to ask again, and where it says a time that nobody would wait.
PATIENCE = 0.5
LONGEST_PAUSE = 60.0
AWAY = {429, 502, 503, 504}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Unreachable(Stop):
    def __init__(self, url: str, why: object) -> None:
        super().__init__(f"{url} does not answer: {why}", Exit.UNREACHABLE)


class Problem(Stop):
    """The API said no; the message is its problem document in words."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(in_words(status, document), Exit.SIGNED_OUT if status == 401 else Exit.REFUSED)
        self.status = status
        self.document = document


class Api:
    def __init__(self, url: str, token: str | None = None, renew: Callable[[str], str] | None = None) -> None:
        """`renew` gets another token in place of one that has run out."""
        self.url = url.rstrip("/")
        self.token = token
        self.renew = renew
        self.receipt: str | None = None
        self._seen: str | None = None
        # A proxy for the outside world has no business between a machine and itself.
        self._http = httpx.Client(trust_env=urlsplit(url).hostname not in LOOPBACK, timeout=60.0)

    def get(self, path: str, **query: Any) -> Any:
        asked = {name: value for name, value in query.items() if value is not None}
        return self._send("GET", path, {"Vistory-Min-Position": self._seen} if self._seen else {}, params=asked)

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page."""
        after = None
        while True:
            page = self.get(path, **query, after=after)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def post(self, path: str, **body: Any) -> Any:
        return self._command("POST", path, body)

    def post_until_done(self, path: str, **body: Any) -> Any:
        """Asked again for as long as the answer is "not yet" (202), when that answer says."""
        return self._until_done("POST", path, lambda: {"Idempotency-Key": str(uuid4())}, json=body)

    def get_until_done(self, path: str) -> Any:
        """The same, of what is made in the background."""
        return self._until_done("GET", path, dict)

    def patch(self, path: str, **body: Any) -> Any:
        return self._command("PATCH", path, body)

    def replace(self, path: str, **body: Any) -> Any:
        return self._command("PUT", path, body)

    def delete(self, path: str, **body: Any) -> Any:
        return self._command("DELETE", path, body)

    def put(self, url: str, headers: Mapping[str, str], content: bytes) -> None:
        """To a presigned address, where no token of ours may go."""
        answer = self._persist(lambda: self._http.put(url, headers=dict(headers), content=content), url)
        if answer.is_error:
            raise Stop(f"the object store refused a file with status {answer.status_code}")

    def download(self, url: str) -> bytes:
        answer = self._persist(lambda: self._http.get(url), url)
        if answer.is_error:
            raise Stop(f"the object store answered with status {answer.status_code}")
        return answer.content

    def has_seen(self, position: str) -> None:
        """Queries that follow show at least what was true at this place of the ledger."""
        self._seen = position

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _command(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """A retry carries the same key, so nothing is done twice."""
        return self._send(method, path, {"Idempotency-Key": str(uuid4())}, json=body)

    def _until_done(self, method: str, path: str, headers: Callable[[], dict[str, str]], **what: Any) -> Any:
        while True:
            answer = self._answer(method, path, headers(), **what)
            if answer.status_code != 202:
                return answer.json()
            time.sleep(asked_to_wait(answer))

    def _send(self, method: str, path: str, headers: dict[str, str], **what: Any) -> Any:
        return self._answer(method, path, headers, **what).json()

    def _answer(self, method: str, path: str, headers: dict[str, str], **what: Any) -> httpx.Response:
        url = f"{self.url}{PREFIX}{path}"
        answer = self._asked(method, url, headers, what)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and self.goes_on():
            answer = self._asked(method, url, headers, what)
        if answer.is_error:
            raise Problem(answer.status_code, document_of(answer))
        self._remember(answer.headers)
        return answer

    def _asked(self, method: str, url: str, headers: dict[str, str], what: Mapping[str, Any]) -> httpx.Response:
        headers = headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        try:
            request = self._http.build_request(method, url, headers=headers, **what)
        except UnicodeEncodeError as error:
            raise Stop(f"{error.object[error.start : error.end]!r} is no text in UTF-8", Exit.USAGE) from error
        return self._persist(lambda: self._http.send(request))

    def goes_on(self) -> bool:
        """Whether there is another token now, in place of one that was refused. Raises Problem where it is over."""
        if self.token is None or self.renew is None:
            return False
        self.token = self.renew(self.token)
        return True

    def _remember(self, headers: Mapping[str, str]) -> None:
        """Where the ledger was: queries that follow show at least that, and nobody can take it back unseen."""
        if "Vistory-Position" in headers:
            self._seen = headers["Vistory-Position"]
            self.receipt = f"{self._seen}:{headers['Vistory-Chain']}" if "Vistory-Chain" in headers else self.receipt

    def _persist(self, attempt: Any, url: str = "") -> httpx.Response:
        """`url` where it is not the API that is asked; a presigned one is never shown."""
        for pause in (*PAUSES, None):
            try:
                answer: httpx.Response = attempt()
                if answer.status_code not in AWAY or pause is None:
                    return answer
                pause = max(pause, asked_to_wait(answer, 0.0))
            except httpx.TransportError as error:
                if pause is None:
                    raise Unreachable(server_of(url or self.url), error) from error
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


def server_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def asked_to_wait(answer: httpx.Response, otherwise: float = PATIENCE) -> float:
    """As many seconds as Retry-After says, within reason."""
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_PAUSE) if asked.isdecimal() else otherwise


def document_of(answer: httpx.Response) -> dict[str, Any]:
    if "json" in answer.headers.get("content-type", ""):
        document = answer.json()
        return document if isinstance(document, dict) else {"detail": str(document)}
    return {"detail": answer.text[:500]}


def in_words(status: int, document: Mapping[str, Any]) -> str:
    return str(document.get("detail") or document.get("title") or f"refused with status {status}")
