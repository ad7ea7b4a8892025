"""How one run of ultralytics is set up on this machine."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    device: str
    image_size: int
    folder: Path

    @property
    def weights(self) -> Path:
        return self.folder / "weights"


def yolo_device(kind: str) -> str:
    return "0" if kind == "cuda" else kind
