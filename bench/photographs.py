"""Photographs of about 50 KB for benchmarks: as many as one likes, none like another, made in no time."""

from io import BytesIO
from pathlib import Path
from random import Random
from typing import Final

from PIL import Image

CLASSES: Final = 10
KINDS: Final = 50


def draw(folder: Path, numbers: range, salt: str = "") -> None:
    """In ImageFolder layout; with another salt the same number has other bytes."""
    kinds = [photograph(seed) for seed in range(min(KINDS, len(numbers)))]
    for number in numbers:
        place = folder / f"class-{number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06}.jpg").write_bytes(marked(kinds[number % len(kinds)], f"{salt} {number}"))


def marked(jpeg: bytes, text: str) -> bytes:
    """With a comment in it, which makes the bytes its own."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def photograph(seed: int) -> bytes:
    noise = Random(seed).randbytes
    coarse = Image.frombytes("RGB", (40, 30), noise(3600)).resize((640, 480), Image.Resampling.BICUBIC)
    fine = Image.frombytes("RGB", (320, 240), noise(320 * 240 * 3)).resize((640, 480))
    file = BytesIO()
    Image.blend(coarse, fine, 0.1).save(file, "JPEG", quality=74)
    return file.getvalue()
