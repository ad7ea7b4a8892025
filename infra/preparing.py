"""Uploads that are made ready beside the requests that ask for them, so that nobody has to wait longer than they like.

What was found out so far is kept by hash, and the result with the upload: whoever asks again after this process was
killed goes on from there.
"""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Final, NamedTuple
from uuid import UUID

from commands.ports import Prepared
from infra.contents import Advance, DatasetContents
from infra.uploads import Upload

AT_ONCE: Final = 2
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


class Preparing:
    def __init__(self, contents: DatasetContents) -> None:
        self._contents = contents
        self._threads = ThreadPoolExecutor(AT_ONCE, "prepare")
        self._lock = Lock()
        self._works: dict[UUID, Work] = {}
        self._closing = Event()

    def close(self) -> None:
        self._closing.set()
        self._threads.shutdown(cancel_futures=True)

    def ask(self, upload: Upload, patience: float) -> Progress | None:
        """None once it is ready, else how far it is. Raises what stood in its way."""
        if self._contents.uploads.state(upload.id).prepared:
            return None
        work = self._work(upload)
        wait([work.future], patience)
        if not work.future.done():
            return work.progress
        with self._lock:
            self._works.pop(upload.id, None)
        work.future.result()
        return None if self._contents.uploads.state(upload.id).prepared else work.progress

    def _work(self, upload: Upload) -> Work:
        with self._lock:
            if upload.id not in self._works:
                self._forget()
                work = Work()
                work.future = self._threads.submit(self._contents.make_ready, upload, self._noting(work))
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
