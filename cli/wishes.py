"""What one may wish of the demo."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wishes:
    """A folder of one's own instead of the digits; fewer epochs or images, where time matters more than the figures."""

    folder: Path | None = None
    epochs: int | None = None
    images: int | None = None
