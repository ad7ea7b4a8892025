"""Small folders of labelled images, and how they go into a dataset."""

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from typing import Any

import httpx2
from PIL import Image

from tests.api.visitor import Visitor

Folder = Mapping[str, bytes]


def picture(shade: int, size: tuple[int, int] = (32, 24)) -> bytes:
    file = BytesIO()
    Image.new("L", size, shade).save(file, "PNG")
    return file.getvalue()


def scenes(train: int = 4, val: int = 2, test: int = 2) -> Folder:
    """YOLO: one box in each image, and a split by folders."""
    folder = {"data.yaml": b"names: [zero, one]\ntrain: images/train\nval: images/val\ntest: images/test\n"}
    shade = 0
    for side, many in (("train", train), ("val", val), ("test", test)):
        for n in range(many):
            shade += 1
            folder[f"images/{side}/{n}.png"] = picture(shade)
            folder[f"labels/{side}/{n}.txt"] = f"{shade % 2} 0.5 0.5 0.25 0.5\n".encode()
    return folder


def listed(folder: Folder) -> list[dict[str, Any]]:
    return [{"path": p, "size": len(data), "sha256": sha256(data).hexdigest()} for p, data in folder.items()]


def send(visitor: Visitor, dataset: str, folder: Folder) -> str:
    """Begin an upload and send what is missing."""
    upload: str = f"/datasets/{dataset}/uploads/" + visitor.post(f"/datasets/{dataset}/uploads")["id"]
    by_hash = {sha256(data).hexdigest(): data for data in folder.values()}
    for one in visitor.post(f"{upload}/files", {"files": listed(folder)})["missing"]:
        answer = httpx2.put(one["url"], headers=one["headers"], content=by_hash[one["sha256"]], trust_env=False)
        assert answer.is_success, answer.text
    return upload


def push(visitor: Visitor, dataset: str, folder: Folder, strict: bool = False) -> Any:
    return visitor.post(f"{send(visitor, dataset, folder)}/commit", {"strict": strict})


def filled(visitor: Visitor, folder: Folder | None = None) -> str:
    dataset: str = visitor.post("/datasets", {"name": "Digits"})["id"]
    push(visitor, dataset, folder or scenes())
    return dataset
