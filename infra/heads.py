"""Heads of the ledger kept outside of it: small objects that say `position` and `chain`, each written once.

One per ten minutes in which something happened. Of days long gone only the last one stays: a head bears witness to all
that came before it, and one of an earlier day says what history was before somebody edited it later.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from infra.config import Settings
from infra.ledger import Head
from infra.objects import bucket_at, s3_store

EVERY: Final = timedelta(minutes=10)
KEPT_WHOLE: Final = timedelta(days=2)
FOLDER: Final = "heads"
log = logging.getLogger(__name__)


class Receipt(NamedTuple):
    position: int
    chain: str


@dataclass
class Heads:
    """One place that heads are kept in."""

    store: S3Store | LocalStore
    _last: Head | None = field(default=None, init=False)
    _thinned: datetime | None = field(default=None, init=False)

    def keep(self, head: Head, now: datetime) -> None:
        """Write it down, unless this stretch of time has a head already; then let go of what is too much."""
        if head != self._last:
            if head.position > 0:
                self._write(head, now)
            self._last = head
        if self._thinned is None or now.date() != self._thinned.date():
            self._thinned = now
            self._thin(head.ledger, now)

    def receipts(self, ledger: UUID) -> Iterator[Receipt]:
        for path in sorted(self._paths(ledger)):
            told = json.loads(bytes(obstore.get(self.store, path).bytes()))
            yield Receipt(told["position"], told["chain"])

    def _write(self, head: Head, now: datetime) -> None:
        told: dict[str, Any] = {
            "ledger": str(head.ledger),
            "generation": head.generation,
            "position": head.position,
            "chain": head.chain.hex(),
        }
        begun = datetime.fromtimestamp(now.timestamp() // EVERY.total_seconds() * EVERY.total_seconds(), UTC)
        path = f"{FOLDER}/{head.ledger}/{begun:%Y-%m-%d}/{begun:%H-%M}.json"
        try:
            obstore.put(self.store, path, json.dumps(told).encode() + b"\n", mode="create")
        except AlreadyExistsError:
            return

    def _thin(self, ledger: UUID, now: datetime) -> None:
        """Once a day; a place where nothing may be deleted, as the guide recommends it, keeps them all."""
        try:
            if gone := self._too_many(ledger, now):
                obstore.delete(self.store, gone)
        except BaseError as error:
            log.warning("heads of days long gone stay in %s: %s", type(self.store).__name__, type(error).__name__)

    def _too_many(self, ledger: UUID, now: datetime) -> list[str]:
        by_day: defaultdict[str, list[str]] = defaultdict(list)
        for path in self._paths(ledger):
            by_day[path.split("/")[-2]].append(path)
        long_ago = f"{now - KEPT_WHOLE:%Y-%m-%d}"
        return [path for day, paths in by_day.items() if day < long_ago for path in sorted(paths)[:-1]]

    def _paths(self, ledger: UUID) -> Iterator[str]:
        for some in obstore.list(self.store, f"{FOLDER}/{ledger}"):
            yield from (found["path"] for found in some)


def places(settings: Settings) -> list[Heads]:
    """The object store, and where the operator names one, a place of their own."""
    named = [Heads(named_place(settings.need("heads_url"), settings.s3_region))] if settings.heads_url else []
    return [Heads(s3_store(settings)), *named]


def named_place(url: str, region: str) -> S3Store | LocalStore:
    """A folder, or `https://key:secret@host/bucket/prefix`; what else it may not be, the settings refuse."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return LocalStore(unquote(parts.path) if parts.scheme else url, mkdir=True)
    bucket, _, prefix = parts.path.strip("/").partition("/")
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return bucket_at(host, bucket, region, unquote(parts.username or ""), unquote(parts.password or ""), prefix or None)
