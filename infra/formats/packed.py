"""Many small things kept in order and squeezed, so that a million of them fit into memory."""

import pickle
import zlib
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")
TOGETHER: Final = 1_000


class Packed(Generic[T]):
    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open: list[T] = []
        self._count = 0

    def add(self, item: T) -> None:
        self._open.append(item)
        self._count += 1
        if len(self._open) == TOGETHER:
            self._blocks.append(zlib.compress(pickle.dumps(self._open), 1))
            self._open = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        for block in self._blocks:
            yield from pickle.loads(zlib.decompress(block))
        yield from self._open
