"""What a training says while it runs, over the live socket: nothing is missed or told twice when the line breaks."""

import json
import time
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from cli.client import LOOPBACK, Api, Unreachable
from cli.exits import Stop
from infra.names import PREFIX

Message = dict[str, Any]
PATIENCE = 60.0
PAUSE = 0.5
SIGNED_OUT = 4401
# Too many at this moment: worth another try, as a broken line is.
TOO_MANY = 429, 4429


def messages(api: Api, job_id: str) -> Iterator[Message]:
    """From the first message to the end of the job; after a break it goes on behind the last cursor.

    A socket that stays open for long is as good as a message: a training that waits has nothing to say.
    """
    cursor, heard = None, time.monotonic()
    while True:
        opened = time.monotonic()
        try:
            for message in once(api, job_id, cursor):
                cursor, heard = message.get("cursor") or cursor, time.monotonic()
                yield message
                if message["kind"] == "end":
                    return
            raise ConnectionAbortedError("the live socket is closed before the training ends")
        except (OSError, ConnectionClosed, InvalidHandshake) as error:
            if not (is_signed_out(error) and api.goes_on()):
                refuse(error)
            now = time.monotonic()
            heard = now if now - opened > PATIENCE else heard
            if now - heard > PATIENCE:
                raise Unreachable(api.url, error) from error
        time.sleep(PAUSE)


def once(api: Api, job_id: str, cursor: str | None) -> Iterator[Message]:
    proxy: Literal[True] | None = None if urlsplit(api.url).hostname in LOOPBACK else True
    with connect(address(api, job_id, cursor), proxy=proxy, max_size=4 * 1024 * 1024) as socket:
        socket.send(json.dumps({"token": api.token}))
        for line in socket:
            yield json.loads(line)


def address(api: Api, job_id: str, cursor: str | None) -> str:
    where = f"ws{api.url.removeprefix('http')}{PREFIX}/training-jobs/{quote(job_id)}/live"
    return f"{where}?from={quote(cursor)}" if cursor else where


def is_signed_out(error: Exception) -> bool:
    return isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == SIGNED_OUT


def refuse(error: Exception) -> None:
    """A refusal is no break in the line: it would be refused again, unless too many asked at this moment."""
    if isinstance(error, InvalidStatus) and error.response.status_code < 500:
        code, said = error.response.status_code, f"was refused with status {error.response.status_code}"
    elif isinstance(error, ConnectionClosed) and error.rcvd and 4000 <= error.rcvd.code < 5000:
        code, said = error.rcvd.code, f"was closed: {error.rcvd.reason or error.rcvd.code}"
    else:
        return
    if code not in TOO_MANY:
        raise Stop(f"the live socket {said}") from error
