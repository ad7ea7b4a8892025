"""Files by hash on a worker's disk: fetched once, checked always, and the longest unused go first when it is full."""

import asyncio
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx

LARGEST: Final = 20 * 2**30


class Damaged(Exception):
    """What came is not what was named, or there is nothing to come: no other try would help."""


class BlobCache:
    def __init__(self, folder: Path, client: httpx.AsyncClient, largest: int = LARGEST) -> None:
        self.folder = folder
        self._client = client
        self._largest = largest
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        return self.folder / sha256

    async def fetch(self, sha256: str, url: str) -> Path:
        """The file, once it is here and has its hash. Raises Damaged; httpx.HTTPError where another try may help."""
        target = self.path(sha256)
        if target.exists() and await asyncio.to_thread(digest, target) == sha256:
            os.utime(target)
            return target
        self.folder.mkdir(parents=True, exist_ok=True)  # somebody may have cleared more than files
        draft = target.with_name(f".{sha256}.{uuid4().hex}.part")
        try:
            if await self._download(url, draft) != sha256:
                raise Damaged("its bytes do not have the hash that it is named by")
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return target

    async def _download(self, url: str, draft: Path) -> str:
        checksum = hashlib.sha256()
        async with self._client.stream("GET", url) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise Damaged("it is not in the object store")
            answer.raise_for_status()
            with draft.open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    checksum.update(chunk)
                    file.write(chunk)
        return checksum.hexdigest()

    def trim(self, keep: Iterable[str] = ()) -> None:
        """Down to the limit, sparing what a running training reads."""
        spared = set(keep)
        files = sorted((f for f in self.folder.iterdir() if f.name not in spared), key=lambda f: f.stat().st_mtime)
        size = sum(file.stat().st_size for file in self.folder.iterdir())
        for file in files:
            if size <= self._largest:
                return
            size -= file.stat().st_size
            file.unlink()


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
