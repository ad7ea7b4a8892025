"""Files as they arrive: each is looked at once in its life, and what was seen is kept by its hash.

Most are looked at on the way in, while the client sends the next ones; what was too large for that, or came when there
was no time, is looked at before the revision is made.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from infra.blobs import Blobs, Named, Received
from infra.formats import File, ImageFacts, look
from infra.formats.images import MOST_BYTES, SUFFIXES
from infra.formats.listing import suffix

AT_ONCE: Final = 16
DECODING_AT_ONCE: Final = 4  # a picture in memory is many times its file
PATIENCE: Final = 5.0  # seconds that a request spends on looking
LARGE: Final = 8 * 2**20  # larger ones are in memory one at a time
LONGEST_TEXT: Final = 64 * 2**10
TEXTS: Final = frozenset({".txt", ".xml"})
TOO_LARGE: Final = ImageFacts(fault=f"is larger than {MOST_BYTES // 2**20} MiB")


class Sight(NamedTuple):
    """What is known of some bytes: the facts of an image, or a text itself."""

    facts: ImageFacts | None = None
    text: bytes | None = None


@dataclass
class Arrivals:
    blobs: Blobs
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "arrivals"))
    _one_large_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    _decoding: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(DECODING_AT_ONCE))

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def missing(self, organization_id: UUID, files: Sequence[File]) -> list[Named]:
        """Those whose bytes are not there yet. Where an address was given out before, the store is asked again."""
        by_hash = {file.sha256: file for file in files}
        absent = self.blobs.unknown(organization_id, [Named(file.sha256, file.size) for file in files])
        promised = self.blobs.promised(organization_id, [each.sha256 for each in absent])
        until = time.monotonic() + PATIENCE

        def look() -> list[Received]:
            found = self._threads.map(lambda sha256: self._received(organization_id, by_hash[sha256], until), promised)
            return [each for each in found if each and each.size == by_hash[each.sha256].size]

        there = {each.sha256 for each in self.blobs.looked(organization_id, look, named=True)}
        return [each for each in absent if each.sha256 not in there]

    def see(self, organization_id: UUID, files: Sequence[File]) -> dict[str, Sight]:
        """What is known of these by their hash; those that nobody has looked at are looked at now."""
        seen = self.blobs.seen(organization_id, {file.sha256 for file in files})
        known = {
            sha256: Sight(ImageFacts.model_validate(facts) if facts else None, text)
            for sha256, (facts, text) in seen.items()
        }
        # The same bytes may be an image by one name and a text by another.
        new = {
            (file.sha256, suffix(file.path) in SUFFIXES): file
            for file in files
            if is_worth_a_look(file, known.get(file.sha256, Sight()))
        }
        looks = self._threads.map(lambda file: self._looked_at(organization_id, file), new.values())
        looked = list(zip(new, looks, strict=True))
        self.blobs.lose(organization_id, [sha256 for (sha256, _), each in looked if each is None])
        for kind in (True, False):
            self.blobs.receive(
                organization_id, [each for (_, is_image), each in looked if each and is_image is kind], named=True
            )
        for _, each in looked:
            if each:
                facts, text = known.get(each.sha256, Sight())
                mine = ImageFacts.model_validate(each.facts) if each.facts else facts
                known[each.sha256] = Sight(mine, text if each.body is None else each.body)
        return known

    def _received(self, organization_id: UUID, file: File, until: float) -> Received | None:
        if file.size <= LARGE and time.monotonic() < until and is_worth_a_look(file, Sight()):
            return self._looked_at(organization_id, file)
        size = self.blobs.objects.size(organization_id, file.sha256)
        return None if size is None else Received(file.sha256, size)

    def _looked_at(self, organization_id: UUID, file: File) -> Received | None:
        with self._one_large_at_a_time if file.size > LARGE else nullcontext():
            data = self.blobs.find(organization_id, file.sha256)
            if data is None:
                return None
            if suffix(file.path) in SUFFIXES:
                with self._decoding:
                    facts = look(data)
                return Received(file.sha256, len(data), facts=facts.model_dump(mode="json"))
            return Received(file.sha256, len(data), body=data)


def is_worth_a_look(file: File, known: Sight) -> bool:
    """Nothing is known of an image, or of a text that is short enough to be kept."""
    if suffix(file.path) in SUFFIXES:
        return known.facts is None and file.size <= MOST_BYTES
    return known.text is None and file.size <= LONGEST_TEXT and suffix(file.path) in TEXTS
