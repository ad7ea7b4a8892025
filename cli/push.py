"""Brings a folder into a dataset: its files are named by hash, and only what is missing travels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from cli.client import Api
from cli.exits import Stop
from domain.errors import Invalid
from infra.folder import Folder
from infra.formats import File
from infra.hashes import Hashes

NAMED = 1_000  # as many as the API takes at once
LOOKED_AT = 250
AT_ONCE = 16
# While the files of one batch are sent, those of the other are looked at on the other side.
BATCHES_AT_ONCE = 2
# An address to put a file at is good for minutes; where that was too short, ask for another.
ROUNDS = 3
T = TypeVar("T")
Facts = dict[str, Any]
Advance = Callable[[int, int], None]


def nobody(done: int, total: int) -> None:
    pass


def analyze(folder: Folder) -> Facts:
    """What the folder seems to be, as the API would say; found out here, so that it may be of any size."""
    from infra.analysis import analyzed

    try:
        return analyzed(folder.files).model_dump(mode="json")
    except Invalid as unfit:
        raise Stop(str(unfit)) from unfit


def push(door: Api, dataset_id: str, folder: Folder, strict: bool = False, advance: Advance = nobody) -> Facts:
    """Upload session, files, commit; `advance` hears how many files are there, of how many."""
    return commit(door, upload(door, dataset_id, folder, advance), strict)


def upload(door: Api, dataset_id: str, folder: Folder, advance: Advance = nobody) -> str:
    """Where the upload is; nothing has changed by it."""
    upload = f"/datasets/{dataset_id}/uploads"
    upload += f"/{door.post(upload)['id']}"
    done = 0
    with ThreadPoolExecutor(BATCHES_AT_ONCE) as batches, ThreadPoolExecutor(AT_ONCE) as puts:

        def sent(batch: list[File]) -> int:
            send(door, f"{upload}/files", folder, batch, puts)
            return len(batch)

        for count in batches.map(sent, batched(copies_last(folder.files), NAMED)):
            done += count
            advance(done, len(folder.files))
    return upload


def commit(door: Api, upload: str, strict: bool = False) -> Facts:
    committed: Facts = door.post_until_done(f"{upload}/commit", strict=strict)
    return committed


def send(door: Api, where: str, folder: Folder, batch: Sequence[File], puts: ThreadPoolExecutor) -> None:
    """Names all of them at once; of those that are missing some at a time are put, and looked at on the other side."""
    by_hash = {file.sha256: file for file in batch}

    def ask(files: Sequence[File]) -> list[Facts]:
        missing: list[Facts] = door.post(where, files=[listed(file) for file in files])["missing"]
        return missing

    for some in batched(ask(batch), LOOKED_AT):
        missing, files = some, [by_hash[one["sha256"]] for one in some]
        for _ in range(ROUNDS):
            list(puts.map(lambda one: put(door, one, folder, by_hash[one["sha256"]].path), missing))
            if not (missing := ask(files)):
                break
        else:
            raise Stop("the object store does not keep the files that it is sent")


def put(door: Api, address: Mapping[str, Any], folder: Folder, path: str) -> None:
    """Raises Stop, also where the file is another meanwhile: the address is good for the bytes that were named."""
    try:
        content = folder.read(path)
    except Invalid as gone:
        raise Stop(str(gone)) from gone
    try:
        door.put(address["url"], address["headers"], content)
    except Stop as stop:
        if sha256(content).hexdigest() != address["sha256"]:
            raise Stop(f"{path} changed while it was pushed") from stop
        raise


def copies_last(files: Sequence[File]) -> list[File]:
    """So that no two batches under way send the same bytes."""
    first: dict[str, File] = {}
    copies = [file for file in files if first.setdefault(file.sha256, file) is not file]
    return [*first.values(), *copies]


def listed(file: File) -> Facts:
    return {"path": file.path, "size": file.size, "sha256": file.sha256}


def batched(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def summary(report: Mapping[str, Any]) -> str:
    """What was found, what was taken, and what was left out with its reason."""
    lines = [f"images: {report['images_in']:,} found, {report['images_out']:,} taken"]
    if report["task"] == "detection":
        lines.append(f"boxes: {report['boxes_in']:,} found, {report['boxes_out']:,} taken")
    return "\n".join([*lines, *map(left_out, report["dropped"][:20]), *report["warnings"]])


def left_out(dropped: Mapping[str, Any]) -> str:
    where = f", {dropped['where']}" if dropped["where"] else ""
    return f"left out: {dropped['path']}{where}: {dropped['reason']}"


def folder_of(path: Path, hashes: Hashes | None = None) -> Folder:
    try:
        return Folder(path, hashes=hashes)
    except Invalid as unfit:
        raise Stop(str(unfit)) from unfit
