"""The API over HTTP, as the command line and the demo use it: through the same door as everybody else."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from shlex import quote
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from cli import patience
from cli.exits import Exit, Stop
from cli.kept import Seen, is_later
from cli.output import complain
from cli.patience import (
    AWAY,
    BEHIND,
    LONGEST_PAUSE,
    Patience,
    asked_to_wait,
    hindrance,
    in_time,
    longest_pause,
    without_header,
)
from infra.names import PREFIX, PROBLEM

ENDS = {401: Exit.SIGNED_OUT, 502: Exit.UNREACHABLE, 503: Exit.UNREACHABLE, 504: Exit.UNREACHABLE}
# Who is signed in stays so where it is closed.
CLOSED = f"{PROBLEM}organization-was-closed"
ELSEWHERE = "; `vistory organization list` tells of which others you are, `vistory organization switch NAME` goes there"
# A problem of the API that means: no place in this ledger.
UNKNOWN_POSITION = f"{PROBLEM}position-is-unknown"
# What a list of sessions shows as the device.
CALLED = "vistory at a terminal"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


STARTS = "; `vistory up` starts a platform on this machine, --api names another"


class Unreachable(Stop):
    def __init__(self, url: str, why: Exception, what_to_do: str = "") -> None:
        super().__init__(f"{url} does not answer: {reason(why)}{what_to_do}", Exit.UNREACHABLE)


class NotOurs(Stop):
    """Somebody answers there, and it is not this platform."""

    def __init__(self, answer: httpx.Response) -> None:
        where = server_of(str(answer.url))
        super().__init__(
            f"{where} answers with status {answer.status_code}, but not as Vistory does: "
            "is this the address of the API (--api)?",
            Exit.UNREACHABLE,
        )


class Problem(Stop):
    """The API said no; the message is its problem document in words."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        is_closed = document.get("type") == CLOSED
        ends = Exit.REFUSED if is_closed else ENDS.get(status, Exit.REFUSED)
        super().__init__(in_words(status, document) + ELSEWHERE * is_closed + who_could(document), ends)
        self.status = status
        self.document = document


class Api:
    def __init__(
        self,
        url: str,
        token: str | None = None,
        renew: Callable[[str], str] | None = None,
        kept: Seen | None = None,
    ) -> None:
        """`renew` gets another token in place of one that has run out; `kept` is what commands before this one saw."""
        self.url = url.rstrip("/")
        self.token = token
        self.renew = renew
        self.receipt: str | None = None
        self._kept = kept
        self._seen = kept.position() if kept else None
        # A proxy for the outside world has no business between a machine and itself.
        self._http = httpx.Client(
            trust_env=urlsplit(url).hostname not in LOOPBACK, timeout=60.0, headers={"User-Agent": CALLED}
        )

    def get(self, path: str, **query: Any) -> Any:
        asked = {name: value for name, value in query.items() if value is not None}
        try:
            return self._send("GET", path, {"Vistory-Min-Position": self._seen} if self._seen else {}, params=asked)
        except Problem as refused:
            if not (self._kept and refused.document.get("type") == UNKNOWN_POSITION):
                raise
            return self._without_what_was_seen(self._kept, path, asked)

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
        if is_later(position, self._seen):
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

    def _without_what_was_seen(self, kept: Seen, path: str, asked: Mapping[str, Any]) -> Any:
        complain("vistory: the platform does not know your last change any more: it was restored, or is another one")
        kept.forget()
        self._seen = None
        return self._send("GET", path, {}, params=asked)

    def _until_done(self, method: str, path: str, headers: Callable[[], dict[str, str]], **what: Any) -> Any:
        while True:
            answer = self._answer(method, path, headers(), **what)
            if answer.status_code != 202:
                return content_of(answer)
            time.sleep(min(asked_to_wait(answer), LONGEST_PAUSE))

    def _send(self, method: str, path: str, headers: dict[str, str], **what: Any) -> Any:
        return content_of(self._answer(method, path, headers, **what))

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
            position = headers["Vistory-Position"]
            self.has_seen(position)
            if self._kept:
                self._kept.reach(position)
            self.receipt = f"{position}:{headers['Vistory-Chain']}" if "Vistory-Chain" in headers else self.receipt

    def _persist(self, attempt: Any, url: str = "") -> httpx.Response:
        """`url` where it is not the API that is asked; a presigned one is never shown."""
        waiting = Patience(server_of(url or self.url))
        for pause in (*patience.PAUSES, None):
            try:
                answer: httpx.Response = attempt()
                wished = asked_to_wait(answer, 0.0)
                if answer.status_code not in AWAY or pause is None or wished > longest_pause(answer):
                    return answer
                waiting.wait(max(pause, wished), hindrance(answer))
            except httpx.TransportError as error:
                if pause is None or in_vain(error):
                    raise Unreachable(waiting.server, error, "" if url else STARTS) from error
                waiting.wait(pause, f"does not answer ({reason(error)})")
        raise AssertionError("the last attempt returns or raises")


def server_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def in_vain(error: Exception) -> bool:
    """Whether it would be the same the next time."""
    return isinstance(error, httpx.UnsupportedProtocol) or "[SSL" in str(error)


def reason(error: Exception) -> str:
    said = re.sub(r"^\[Errno -?\d+\] ", "", str(error))
    if "WRONG_VERSION_NUMBER" in said:
        return "it does not speak https: is its address http://…?"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return f"its certificate is not trusted ({said.rpartition('failed: ')[2].partition(' (_ssl')[0]})"
    return said or "nothing came in time"


def content_of(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise NotOurs(answer) from error


def document_of(answer: httpx.Response) -> dict[str, Any]:
    """Raises NotOurs, also where only the path before /api is wrong."""
    document = content_of(answer)
    if not isinstance(document, dict) or document.get("detail") == "Not Found":
        raise NotOurs(answer)
    wait = asked_to_wait(answer, 0.0)
    return document | ({"wait": wait} if wait > longest_pause(answer) else {})


def in_words(status: int, document: Mapping[str, Any]) -> str:
    if (behind := BEHIND.get(str(document.get("type")))) is not None:
        return behind
    said = str(document.get("detail") or document.get("title") or f"refused with status {status}")
    if "wait" not in document:
        return said
    return f"{without_header(said)}; the next attempt is possible in {in_time(document['wait'])}"


def who_could(document: Mapping[str, Any]) -> str:
    """Where a right is missing, the command that tells what would be enough, and who could give that."""
    if not document.get("action"):
        return ""
    asked = " ".join(quote(str(document[each])) for each in ("action", "target") if document.get(each))
    return f"; `vistory permission explain {asked}` tells who could let you"
