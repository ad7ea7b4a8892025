"""Folders in memory, as readers get them: names and bytes."""

import hashlib
import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image

from domain.manifest import Entry
from domain.report import Dropped
from infra.formats import File, Reading, read_folder

Folder = dict[str, bytes | str]


def picture(shade: int = 0, width: int = 40, height: int = 20, kind: str = "PNG", **options: Any) -> bytes:
    data = BytesIO()
    Image.new("RGB", (width, height), (shade % 256, shade // 256, 80)).save(data, kind, **options)
    return data.getvalue()


def turned(orientation: int, width: int = 40, height: int = 20, kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(7, width, height, kind, exif=exif)


def declared(width: int, height: int) -> bytes:
    """A PNG whose header promises this many pixels, and whose checksum is right."""

    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


def read(folder: Mapping[str, bytes | str], **options: Any) -> Reading:
    content = {path: data.encode() if isinstance(data, str) else data for path, data in folder.items()}
    files = [File(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in content.items()]
    return read_folder(files, content.__getitem__, **options)


def first(reading: Reading) -> Entry:
    return next(iter(reading.entries))


def lost(reading: Reading) -> list[tuple[str, str, str]]:
    return [(each.what, each.path, _short(each)) for each in reading.report.dropped]


def _short(dropped: Dropped) -> str:
    return f"{dropped.where}: {dropped.reason}" if dropped.where else dropped.reason


def voc(*boxes: tuple[object, object, object, object], name: str = "cell", size: tuple[int, int] = (40, 20)) -> str:
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
        f"<ymax>{bottom}</ymax></bndbox></object>"
        for left, top, right, bottom in boxes
    )
    return f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{objects}</annotation>"
