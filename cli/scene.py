"""One picture with handwritten digits on a busy background, and where they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

INKED: Final = 0.25
FEWEST_DIGITS, MOST_DIGITS = 2, 6
TRIES: Final = 20
SIZES: Final = (16, 33)
WAYS: Final = (Image.Resampling.BICUBIC, Image.Resampling.BILINEAR)


class Drawn(Protocol):
    @property
    def ink(self) -> NDArray[np.uint8]: ...

    @property
    def label(self) -> int: ...


class Box(NamedTuple):
    """Edges in pixels, the last two just outside."""

    left: int
    top: int
    right: int
    bottom: int

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


class Scene:
    """The same chance and digits give the same picture. Boxes are tight around the ink."""

    def __init__(self, chance: Generator, digits: Sequence[Drawn], pixels: int) -> None:
        self.chance, self.pixels = chance, pixels
        self.canvas = self._background()
        self.boxes: list[tuple[int, Box]] = []
        taken: list[Box] = []
        for number in chance.integers(len(digits), size=int(chance.integers(FEWEST_DIGITS, MOST_DIGITS + 1))):
            ink = self._enlarged(digits[int(number)].ink)
            if place := self._free_place(len(ink), taken):
                taken.append(place)
                self._draw(ink, place)
                self.boxes.append((digits[int(number)].label, _tight(ink, place)))
        self.canvas += chance.standard_normal(self.canvas.shape, dtype=np.float32) * np.float32(0.03)

    def save(self, path: Path) -> None:
        Image.fromarray(np.clip(self.canvas * 255, 0, 255).astype(np.uint8)).save(path, quality=92)

    def lines(self) -> str:
        """YOLO's: class, centre, width and height, relative to the picture."""
        return "".join(
            f"{label} {(box.left + box.right) / 2 / self.pixels:.6f} {(box.top + box.bottom) / 2 / self.pixels:.6f} "
            f"{(box.right - box.left) / self.pixels:.6f} {(box.bottom - box.top) / self.pixels:.6f}\n"
            for label, box in self.boxes
        )

    def _background(self) -> NDArray[np.float32]:
        """Soft colours from a coarse grid, with lines and discs that are no digits."""
        coarse = self.chance.integers(50, 206, size=(4, 4, 1)) + self.chance.integers(-45, 46, size=(4, 4, 3))
        picture = Image.fromarray(coarse.astype(np.uint8)).resize((self.pixels, self.pixels), Image.Resampling.BICUBIC)
        draw = ImageDraw.Draw(picture)
        for _ in range(int(self.chance.integers(0, 5))):
            x, y, to_x, to_y, size, line = (int(n) for n in self.chance.integers(0, self.pixels, size=6))
            colour = tuple(int(n) for n in self.chance.integers(30, 226, size=3))
            if line % 2:
                draw.line((x, y, to_x, to_y), fill=colour, width=1 + line % 3)
            else:
                draw.ellipse((x, y, x + size // 6, y + size // 6), fill=colour)
        return np.asarray(picture, dtype=np.float32) / np.float32(255)

    def _enlarged(self, ink: NDArray[np.uint8]) -> NDArray[np.float32]:
        size = int(self.chance.integers(*SIZES))
        way = WAYS[int(self.chance.integers(len(WAYS)))]
        return np.asarray(Image.fromarray(ink).resize((size, size), way), dtype=np.float32) / np.float32(255)

    def _free_place(self, size: int, taken: Sequence[Box]) -> Box | None:
        for left, top in self.chance.integers(0, self.pixels - size + 1, size=(TRIES, 2)).tolist():
            place = Box(left, top, left + size, top + size)
            if not any(place.overlaps(other) for other in taken):
                return place
        return None

    def _draw(self, ink: NDArray[np.float32], place: Box) -> None:
        """Light on dark, dark on light."""
        below = self.canvas[place.top : place.bottom, place.left : place.right]
        bright = below.mean() > 0.5
        colour = self.chance.uniform(0, 0.2, 3) if bright else self.chance.uniform(0.8, 1, 3)
        strength = ink[:, :, None]
        below += strength * (colour.astype(np.float32) - below)


def _tight(ink: NDArray[np.float32], place: Box) -> Box:
    rows = np.flatnonzero((ink > INKED).any(axis=1))
    columns = np.flatnonzero((ink > INKED).any(axis=0))
    return Box(
        place.left + int(columns[0]),
        place.top + int(rows[0]),
        place.left + int(columns[-1]) + 1,
        place.top + int(rows[-1]) + 1,
    )
