"""Uploads that are made ready beside the requests that ask for them, so that nobody has to wait longer than they like.

What was found out so far is kept by hash, and the result with the upload: whoever asks again after this process was
killed goes on from there.
"""

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Final, NamedTuple
from uuid import UUID

from commands.ports import Prepared
from infra.contents import Advance, DatasetContents
from infra.turns import Turns
from infra.uploads import Upload

AT_ONCE: Final = 4  # of as many organizations
MOST_KEPT: Final = 100


class Interrupted(Exception):
    """This process ends; what it has found out is kept."""


class Progress(NamedTuple):
    """How many files were seen to, of how many."""

    done: int
    total: int


NOT_BEGUN: Final = Progress(0, 0)


@dataclass
class Work:
    progress: Progress = NOT_BEGUN
    future: "Future[Prepared]" = field(default_factory=Future)

    async def over(self, patience: float) -> None:
        """Waits for the end, but only so long; no thread is held meanwhile."""
        end = asyncio.wrap_future(self.future)
        end.add_done_callback(lambda end: end.cancelled() or end.exception())  # whoever asks next is told
        await asyncio.wait([end], timeout=patience)


class Preparing:
    def __init__(self, contents: DatasetContents) -> None:
        self._contents = contents
        self._turns = Turns(AT_ONCE, 1, "prepare")
        self._lock = Lock()
        self._works: dict[UUID, Work] = {}
        self._closing = Event()

    def close(self) -> None:
        self._closing.set()
        self._turns.close()

    def ask(self, upload: Upload) -> Work | None:
        """None once it is ready, else what is being done for that. Raises what stood in its way."""
        ended = self._ended(upload.id)
        if self._contents.uploads.state(upload.id).prepared:
            return None
        if ended:
            ended.future.result()
        return self._work(upload)

    def _ended(self, upload_id: UUID) -> Work | None:
        with self._lock:
            work = self._works.get(upload_id)
            return self._works.pop(upload_id) if work and work.future.done() else None

    def _work(self, upload: Upload) -> Work:
        with self._lock:
            if upload.id not in self._works:
                self._forget()
                work = Work()
                work.future = self._turns.submit(
                    upload.organization_id, lambda: self._contents.make_ready(upload, self._noting(work))
                )
                self._works[upload.id] = work
            return self._works[upload.id]

    def _noting(self, work: Work) -> Advance:
        def note(done: int, total: int) -> None:
            if self._closing.is_set():
                raise Interrupted
            work.progress = Progress(done, total)

        return note

    def _forget(self) -> None:
        """Of what is over and was never asked for again, the last ones stay."""
        over = [id for id, work in self._works.items() if work.future.done()]
        for id in over[:-MOST_KEPT]:
            del self._works[id]
