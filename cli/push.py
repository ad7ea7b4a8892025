"""Brings a folder into a dataset: its files are named by hash, and only what is missing travels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from cli.client import Api
from cli.exits import Stop
from domain.errors import Invalid
from infra.folder import Folder
from infra.formats import File

BATCH = 1000
AT_ONCE = 8
# An address to put a file at is good for minutes; where that was too short, ask for another.
ROUNDS = 3
Facts = dict[str, Any]
Advance = Callable[[int, int], None]


def nobody(done: int, total: int) -> None:
    pass


def analyze(door: Api, folder: Folder) -> Facts:
    answer: Facts = door.post("/datasets/analyze", files=[listed(file) for file in folder.files])
    return answer


def push(door: Api, dataset_id: str, folder: Folder, strict: bool = False, advance: Advance = nobody) -> Facts:
    """Upload session, files, commit; `advance` hears how many files are there, of how many."""
    upload = f"/datasets/{dataset_id}/uploads"
    upload += f"/{door.post(upload)['id']}"
    done = 0
    for batch in batched(folder.files, BATCH):
        send(door, f"{upload}/files", folder, batch)
        done += len(batch)
        advance(done, len(folder.files))
    answer: Facts = door.post(f"{upload}/commit", strict=strict)
    return answer


def send(door: Api, where: str, folder: Folder, batch: Sequence[File]) -> None:
    by_hash = {file.sha256: file.path for file in batch}
    for _ in range(ROUNDS):
        missing = door.post(where, files=[listed(file) for file in batch])["missing"]
        if not missing:
            return
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda one: put(door, one, folder.read(by_hash[one["sha256"]])), missing))
    raise Stop("the object store does not keep the files that it is sent")


def put(door: Api, address: Mapping[str, Any], content: bytes) -> None:
    door.put(address["url"], address["headers"], content)


def listed(file: File) -> Facts:
    return {"path": file.path, "size": file.size, "sha256": file.sha256}


def batched(items: Sequence[File], size: int) -> Iterator[list[File]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def summary(report: Mapping[str, Any]) -> str:
    """What went in, what came out, and what was left out with its reason."""
    lines = [f"images: {report['images_in']:,} in, {report['images_out']:,} out"]
    if report["task"] == "detection":
        lines.append(f"boxes: {report['boxes_in']:,} in, {report['boxes_out']:,} out")
    if report["split"]:
        lines.append("split as it came: " + ", ".join(f"{count:,} {side}" for side, count in report["split"].items()))
    return "\n".join([*lines, *map(left_out, report["dropped"][:20]), *report["warnings"]])


def left_out(dropped: Mapping[str, Any]) -> str:
    where = f", {dropped['where']}" if dropped["where"] else ""
    return f"left out: {dropped['path']}{where}: {dropped['reason']}"


def folder_of(path: Path) -> Folder:
    try:
        return Folder(path)
    except Invalid as unfit:
        raise Stop(str(unfit)) from unfit
