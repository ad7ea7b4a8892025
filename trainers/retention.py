"""Checkpoints fill a disk: only the newest few stay, and who wants an older one keeps a link of its own."""

from pathlib import Path

KEPT = 3


def keep_newest(folder: Path) -> None:
    for file in sorted(folder.glob("epoch-*.ckpt"))[:-KEPT]:
        file.unlink()
