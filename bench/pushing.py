"""A folder of images pushed into a dataset, against hashing the same files and putting them bare into the store."""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from obstore.store import S3Store

from bench.dvc import Dvc
from bench.frame import Bench, Result
from bench.photographs import draw
from bench.served import vouch_for
from cli.client import Api
from cli.push import analyze, folder_of, push
from infra.hashes import SETTLED_AFTER, Hashes
from tests.servers import Servers
from tests.serving import Serving, serving

AT_ONCE: Final = 16
BARE: Final = "sha256 and bare puts of all of them"
DVC: Final = "dvc add and dvc push"


class Counted(Api):
    """Counts what it sends to the store."""

    sent = 0

    def put(self, url: str, headers: Mapping[str, str], content: bytes) -> None:
        self.sent += len(content)
        super().put(url, headers, content)


def pushing(bench: Bench) -> Iterator[Result]:
    count = bench.size(1_000, 10_000)
    with tempfile.TemporaryDirectory(prefix="vistory-bench-") as name:
        folder = Path(name) / "project" / "images"
        peer = Dvc(folder.parent) if bench.long else None
        if peer:
            peer.begin(bench.servers)
        with signed_in(bench.servers, Path(name)) as (running, door):
            dataset, hashes = door.post("/datasets", name="bench")["id"], Hashes(Path(name) / "hashes.sqlite")
            for what, changed, goal in (
                (f"push of {count:,} files of 50 KB", count, 2.8),
                ("the same with 1 % changed", count // 100, 4.0),
                ("the same unchanged", 0, 4.0),
            ):
                draw(folder, range(changed), salt=what)
                time.sleep(SETTLED_AFTER / 1e9)  # what was written just now is remembered by neither
                size = sum(path.stat().st_size for path in list(folder.rglob("*.jpg"))[:1] * changed)
                before = door.sent
                ours = count / timed(lambda: brought(door, dataset, folder, hashes))
                assert door.sent - before <= size * 1.01, "bytes were sent twice"
                bare = count / timed(lambda: put_bare(bench.servers, folder))
                notes = {"MB sent": (door.sent - before) / 1e6, "MB of the API at most": peak(running)}
                result = Result(what, "files/s", ours, bare, BARE, 0.8, notes=notes)
                yield result
                if peer:
                    theirs = count / timed(lambda: peer.push("images"))
                    yield replace(result, limit=theirs, limit_is=DVC, goal=goal, notes={})


@contextmanager
def signed_in(servers: Servers, folder: Path) -> Iterator[tuple[Serving, Counted]]:
    with serving(servers, folder) as running:
        running.log_once('"message": "ready"')
        with Counted(running.url) as door:
            who = {"email": "ann@example.org", "password": "correct horse battery"}
            made = door.post("/auth/register", **who, full_name="Ann", company="Acme", division="Vision")
            vouch_for(made["id"], running.settings)
            door.token = door.post("/auth/login", **who)["access_token"]
            yield running, door


def brought(door: Api, dataset: str, folder: Path, hashes: Hashes) -> None:
    """As the command does, which remembers what files hashed to; DVC does too."""
    files = folder_of(folder, hashes)
    analyze(files)
    push(door, dataset, files)


def put_bare(servers: Servers, folder: Path) -> None:
    asyncio.run(all_put(bare_store(servers), list(folder.rglob("*.jpg"))))


async def all_put(store: S3Store, paths: list[Path]) -> None:
    gate, run = asyncio.Semaphore(AT_ONCE), time.monotonic_ns()

    async def put(path: Path) -> None:
        async with gate:
            name, data = hashed(path)
            await store.put_async(f"bare/{run}/{name}", data)

    async with asyncio.TaskGroup() as tasks:
        for path in paths:
            tasks.create_task(put(path))


def hashed(path: Path) -> tuple[str, bytes]:
    data = path.read_bytes()
    return hashlib.sha256(data).hexdigest(), data


def bare_store(servers: Servers) -> S3Store:
    keys = servers.parts.s3_keys("vistory")
    return S3Store(
        servers.parts.settings.s3_bucket, endpoint=servers.parts.s3_url, region="us-east-1",
        virtual_hosted_style_request=False, access_key_id=keys.access, secret_access_key=keys.secret,
        client_options={"allow_http": True},
    )  # fmt: skip


def peak(running: Serving) -> float:
    """The most memory that the API ever had, in MB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def timed(work: Callable[[], object]) -> float:
    os.sync()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
