"""Images as tensors: decoded by several threads, kept in memory where they fit, varied a little for training."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import pi
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageOps
from torch.nn import functional

from trainers.base import Run
from trainers.entries import Entry
from trainers.images import open_image

MEMORY_FOR_IMAGES = 2**30
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Side:
    """The images and classes of one side of the split; batches come in the order that is asked for."""

    def __init__(self, entries: Sequence[Entry], blobs: Path, size: int, pool: ThreadPoolExecutor) -> None:
        self.entries = entries
        self.blobs = blobs
        self.size = size
        self.pool = pool
        self.targets = torch.tensor([entry.labels[0].index for entry in entries])
        fits = len(entries) * 3 * size**2 <= MEMORY_FOR_IMAGES
        self.kept = torch.stack(list(pool.map(self.decode, range(len(entries))))) if fits and entries else None

    def decode(self, place: int) -> torch.Tensor:
        entry = self.entries[place]
        return as_tensor(open_image(self.blobs / entry.sha256, entry.path), self.size)

    def batches(self, order: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """While one batch is computed, the next is decoded."""
        if self.kept is not None:
            yield from ((self.kept[places], self.targets[places]) for places in order)
            return
        ahead = None
        for places in order:
            coming = places, [self.pool.submit(self.decode, int(place)) for place in places]
            if ahead:
                yield torch.stack([decoded.result() for decoded in ahead[1]]), self.targets[ahead[0]]
            ahead = coming
        if ahead:
            yield torch.stack([decoded.result() for decoded in ahead[1]]), self.targets[ahead[0]]


def as_tensor(image: Image.Image, size: int) -> torch.Tensor:
    """The largest square in the middle, at the size of the model."""
    fitted = ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(numpy.array(fitted)).permute(2, 0, 1)


def shuffled(count: int, batch: int) -> list[torch.Tensor]:
    """Every image once; a last batch of one joins the one before, since batch norm cannot learn from a single image."""
    order = list(torch.randperm(count).split(batch))
    if len(order) > 1 and len(order[-1]) == 1:
        order[-2:] = [torch.cat(order[-2:])]
    return order


def in_order(count: int, batch: int) -> list[torch.Tensor]:
    return list(torch.arange(count).split(batch))


def normal(pixels: torch.Tensor) -> torch.Tensor:
    mean = torch.tensor(MEAN, device=pixels.device).view(1, 3, 1, 1)
    deviation = torch.tensor(DEVIATION, device=pixels.device).view(1, 3, 1, 1)
    return (pixels.float() / 255 - mean) / deviation


def varied(images: torch.Tensor, run: Run) -> torch.Tensor:
    """Turned, moved, scaled and perhaps mirrored; chance is drawn on the processor, so it is the same everywhere."""
    count = len(images)
    angle = spread(count) * run.number("rotate") * pi / 180
    scale = 1 + spread(count) * run.number("scale")
    mirror = torch.where(torch.rand(count) < 0.5, -1.0, 1.0) if run.parameters["flip"] else torch.ones(count)
    shift = torch.stack([spread(count), spread(count)], 1) * 2 * run.number("translate")
    turn = torch.stack([angle.cos() * mirror, -angle.sin(), angle.sin() * mirror, angle.cos()], 1).view(count, 2, 2)
    theta = torch.cat([turn * scale.view(count, 1, 1), shift.view(count, 2, 1)], 2).to(images.device)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return tinted(moved) if run.parameters["colour"] else moved


def tinted(images: torch.Tensor) -> torch.Tensor:
    brightness, contrast = (spread(len(images)).view(-1, 1, 1, 1).to(images.device) * 0.3 for _ in range(2))
    return images * (1 + contrast) + brightness


def spread(count: int) -> torch.Tensor:
    return torch.rand(count) * 2 - 1
