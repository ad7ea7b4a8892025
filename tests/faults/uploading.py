"""One who brings small images into a dataset of their own, one revision after the other, none with bytes of another."""

import time
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

import httpx
from PIL import Image

from tests.faults.doors import AGAIN, WITHIN
from tests.faults.wishing import BROUGHT, PAUSE, UNDONE, Actor, Wish

CLASSES: Final = ("one", "two")
PIXELS: Final = 8


class Uploader(Actor):
    """Begins with another dataset where a restore has taken back this one."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._store = httpx.Client(trust_env=False, timeout=WITHIN)
        self._dataset: Wish | None = None
        self._count = 0
        self._begun = 0.0

    def act(self) -> None:
        self._count += 1
        self._begun = time.monotonic()
        word = f"{self.name} {self._count}"
        if self._dataset is None or not self._dataset.accepted:
            self._dataset = self.see_through(Wish("POST", "/datasets", {"name": word}, word, "dataset.created"))
        if not self._dataset.accepted:
            return
        images = {f"{kind}/{self._count}.png": self._image() for kind in CLASSES}
        if upload := self._sent(f"/datasets/{self._dataset.id}/uploads", images):
            brings = tuple(map(hash_of, images.values()))
            self.see_through(Wish("POST", f"{upload}/commit", {}, word, BROUGHT, brings=brings))

    def _image(self) -> bytes:
        file = BytesIO()
        Image.frombytes("L", (PIXELS, PIXELS), self.chance.randbytes(PIXELS * PIXELS)).save(file, "png")
        return file.getvalue()

    def _sent(self, uploads: str, images: Mapping[str, bytes]) -> str | None:
        """Where the upload is, once nothing that it names is missing."""
        if not (begun := self._told(uploads, {})):
            return None
        upload, by_hash = f"{uploads}/{begun['id']}", {hash_of(image): image for image in images.values()}
        files = [{"path": path, "size": len(image), "sha256": hash_of(image)} for path, image in images.items()]
        while told := self._told(f"{upload}/files", {"files": files}):
            if not told["missing"]:
                return upload
            for place in told["missing"]:
                self._put(place, by_hash[place["sha256"]])
        return None

    def _told(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """No command: it has no key, and is asked again until somebody says."""
        while not self.over:
            answer = self.door.ask("POST", path, {}, json=body)
            if answer is not None and answer.is_success:
                found: dict[str, Any] = answer.json()
                return found
            if answer is not None and self._is_taken_back(answer):
                return None
            if answer is not None and answer.status_code not in AGAIN:
                self.record.blame(f"POST {path} was answered {answer.status_code}: {answer.text[:300]}")
                return None
            self._over.wait(PAUSE)
        return None

    def _is_taken_back(self, answer: httpx.Response) -> bool:
        """By a restore since this upload began, which took it with it."""
        return answer.status_code == 404 and self.record.judge.rewound_at > self._begun

    def _note(self, wish: Wish, answer: httpx.Response) -> None:
        super()._note(wish, answer)
        if wish.topic == BROUGHT and self._is_taken_back(answer):
            wish.status = UNDONE

    def _put(self, place: Mapping[str, Any], image: bytes) -> None:
        """Whether the bytes are there is asked of the API: a store that is away, or has no room, is tried again."""
        try:
            answer = self._store.put(place["url"], headers=place["headers"], content=image)
        except httpx.TransportError:
            answer = None
        if answer is not None and 400 <= answer.status_code < 500 and answer.status_code not in AGAIN:
            self.record.blame(f"the store refused an image with {answer.status_code}: {answer.text[:300]}")
        if answer is None or not answer.is_success:
            self._over.wait(PAUSE)


def hash_of(image: bytes) -> str:
    return sha256(image).hexdigest()
