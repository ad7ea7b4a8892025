"""A consumer's row in `work.positions`: how far it is and what keeps it from going on, for others to see."""

import psycopg

from infra.streams import EVENTS

_NOTE = (
    "INSERT INTO work.positions AS p (consumer, stream, position, stopped)"
    " VALUES (%(consumer)s, %(stream)s, coalesce(%(position)s, 0), %(stopped)s)"
    " ON CONFLICT (consumer) DO UPDATE"
    " SET position = coalesce(%(position)s, p.position), stopped = %(stopped)s, moved_at = now()"
)


class Progress:
    """For a consumer that never reads its row back: losing it to a power cut does no harm, so it waits for no disk."""

    def __init__(self, url: str, consumer: str, stream: str = EVENTS) -> None:
        self._url = url
        self._row = {"consumer": consumer, "stream": stream}
        self._connection: psycopg.Connection | None = None

    def note(self, position: int | None, stopped: str | None) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, options="-c synchronous_commit=off")
        self._connection.execute(_NOTE, {**self._row, "position": position, "stopped": stopped})

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
