"""Everything that a training process is handed: the entries with their files, what it starts from, and its job file."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from infra.blob_cache import BlobCache, Damaged
from infra.worker_api import AttemptApi, patiently

AT_ONCE: Final = 8
TRIES: Final = 5
PAUSE: Final = 1.0
AWAY: Final = (httpx.ConnectError, httpx.ConnectTimeout)
ENTRY: Final = ("path", "sha256", "size", "width", "height", "annotations", "side")


class BadData(Exception):
    """The pinned data is not what it was; the message names the file."""


class Withheld(Exception):
    """The object store is there and does not give a file; another time it may."""


@dataclass(frozen=True)
class Prepared:
    job_file: Path
    resumed_from: Mapping[str, Any] | None
    blobs: frozenset[str]
    notes: tuple[str, ...]


class Preparation:
    """Fetches what a claim names into the cache and writes the job file. Waits out whoever is away."""

    def __init__(self, claim: Mapping[str, Any], folder: Path, cache: BlobCache, api: AttemptApi) -> None:
        self._job = claim["job"]
        self._folder = folder
        self._cache = cache
        self._api = api
        self._resumed_from: Mapping[str, Any] | None = None
        self._blobs: set[str] = set()
        self._notes: list[str] = []

    async def prepare(self, threads: int) -> Prepared:
        """Raises BadData."""
        self._folder.mkdir(parents=True, exist_ok=True)
        resume = await self._resume()  # first: these addresses are older than those of the entries, and expire
        weights = await self._weights()
        entries = await self._entries()
        file = self._folder / "job.json"
        file.write_text(json.dumps(self._described(entries, threads, resume, weights), ensure_ascii=False))
        return Prepared(file, self._resumed_from, frozenset(self._blobs), tuple(self._notes))

    def _described(self, entries: Path, threads: int, resume: Any, weights: Any) -> dict[str, Any]:
        recipe = self._job["recipe"]
        return {
            "format": 1,
            "job": str(self._job["id"]),
            "attempt": self._job["attempt"],
            "task": self._job["task"],
            "model": recipe["model"],
            "parameters": recipe["parameters"],
            "classes": self._job["classes"],
            "entries": str(entries),
            "blobs": str(self._cache.folder.absolute()),
            "output": str(self._folder.absolute() / "output"),
            "threads": threads,
            "device": recipe["device"],
            "seed": seed(recipe["parameters"]),
            "resume": resume,
            "weights": weights,
        }

    async def _entries(self) -> Path:
        file = self._folder.absolute() / "entries.jsonl"
        after: str | None = ""
        with file.open("w") as lines:
            while after is not None:
                items, after = await self._page(after)
                lines.writelines(json.dumps({name: entry[name] for name in ENTRY}) + "\n" for entry in items)
        return file

    async def _page(self, after: str) -> tuple[list[dict[str, Any]], str | None]:
        """One page with all its files here; asked for anew where a file did not come, since addresses expire."""
        while True:
            page = await patiently(lambda: self._api.page(after))
            failed = await self._fetch_all(page["items"])
            if not failed:
                return page["items"], page["next"]
            await asyncio.sleep(PAUSE)

    async def _fetch_all(self, entries: Sequence[Mapping[str, Any]]) -> bool:
        """Whether some file did not come for now. Several entries may be of one file, which is fetched once."""
        limit = asyncio.Semaphore(AT_ONCE)
        files = {entry["sha256"]: entry for entry in reversed(entries)}.values()
        outcomes = await asyncio.gather(*(self._complaint(entry, limit) for entry in files), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, httpx.HTTPError):
                raise outcome
            if isinstance(outcome, str):
                raise BadData(outcome)
        return any(isinstance(outcome, httpx.HTTPError) for outcome in outcomes)

    async def _complaint(self, entry: Mapping[str, Any], limit: asyncio.Semaphore) -> str | None:
        async with limit:
            try:
                self._blobs.add(entry["sha256"])
                await self._cache.fetch(entry["sha256"], entry["url"])
            except Damaged as error:
                return f"the file of {entry['path']} cannot be used: {error}"
        return None

    async def _resume(self) -> dict[str, Any] | None:
        """The last checkpoint that verifies; without any the training begins again, unless the store is the cause."""
        unwell: Withheld | None = None
        for checkpoint in self._job["resume"]:
            try:
                path = await self._fetch(checkpoint)
            except (Damaged, Withheld) as error:
                unwell = error if isinstance(error, Withheld) else unwell
                self._notes.append(f"the checkpoint of epoch {checkpoint['epoch']} was not loaded: {error}")
                continue
            self._resumed_from = {name: checkpoint[name] for name in ("epoch", "sha256", "size")}
            return {"path": str(path.absolute()), "sha256": checkpoint["sha256"], "epoch": checkpoint["epoch"]}
        if unwell is not None:
            raise unwell
        return None

    async def _weights(self) -> dict[str, Any] | None:
        weights = self._job.get("weights")
        if not weights or not weights.get("sha256"):
            return None
        try:
            path = await self._fetch(weights)
        except Damaged as error:
            raise BadData(f"the starting weights {weights['sha256']} cannot be used: {error}") from error
        return {"path": str(path.absolute()), "sha256": weights["sha256"]}

    async def _fetch(self, named: Mapping[str, Any]) -> Path:
        """What the claim names, by another address where its own has expired. Waits out a store that is away.

        Raises Damaged; Withheld where the store is there and does not give it, however often it is asked.
        """
        sha256, url, refusals = named["sha256"], named["url"], 0
        while True:
            try:
                return await self._cache.fetch(sha256, url)
            except AWAY:
                pass
            except httpx.HTTPError as error:
                refusals += 1
                if refusals == TRIES:
                    raise Withheld(f"the object store does not give it ({_in_short(error)})") from None
                url = await self._fresh(sha256) if expired(error) else url
            await asyncio.sleep(PAUSE * 2 ** max(0, refusals - 1))

    async def _fresh(self, sha256: str) -> str:
        job = (await patiently(self._api.claimed_again))["job"]
        named = (*job["resume"], *filter(None, [job["weights"]]))
        return next(str(each["url"]) for each in named if each["sha256"] == sha256)


def _in_short(error: httpx.HTTPError) -> str:
    """Without the address, which is a credential."""
    return str(error.response.status_code) if isinstance(error, httpx.HTTPStatusError) else type(error).__name__


def expired(error: httpx.HTTPError) -> bool:
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code == httpx.codes.FORBIDDEN


def seed(parameters: Mapping[str, Any]) -> int:
    """The recipe's, and the same for whoever runs a recipe without one again."""
    given = parameters.get("seed")
    return given if type(given) is int else 0
