"""Object storage that speaks S3: SeaweedFS in one process, every object on disk before it is acknowledged."""

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import S3Store

from infra.embedded.child import Child
from infra.embedded.disk import Disk
from infra.embedded.folder import DataFolder
from infra.embedded.nats import program
from infra.embedded.passwords import Passwords, write_private
from infra.embedded.ports import HOST, Ports, is_free, remembered

PARTS = ("master", "volume", "filer", "s3", "admin")
BUCKETS = ("vistory", "mlflow")
SOCKETS = Path("/tmp")  # SeaweedFS puts its sockets here and ignores TMPDIR
CONFIGURE = "".join(
    [
        "fs.configure -locationPrefix=/buckets/ -fsync -apply\n",
        *(f"s3.bucket.create -name {name}\n" for name in BUCKETS),
    ]
)


VACUUM = "lock\nvolume.vacuum -garbageThreshold 0\nunlock\n"


@dataclass(frozen=True)
class Keys:
    access: str
    secret: str


class Objects:
    def __init__(self, folder: DataFolder, ports: Ports, passwords: Passwords) -> None:
        self._home = folder / "objects"
        # The index of the objects (LevelDB) takes nothing more once it could not be written.
        self._disk = Disk(self._home)
        self._ports = {part: ports.near(f"objects-{part}", usable=is_usable) for part in PARTS}
        self._grpc = {part: ports.near(f"objects-{part}-grpc", usable=is_usable) for part in PARTS}
        self._keys = {bucket: Keys(f"{bucket}-app", passwords[f"objects-{bucket}"]) for bucket in BUCKETS}

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._ports['s3']}"

    def keys(self, bucket: str) -> Keys:
        return self._keys[bucket]

    def child(self) -> Child:
        return Child(
            name="objects",
            argv=(program("weed"), *self._arguments()),
            cwd=self._home,
            env={"GOMEMLIMIT": "400MiB"},
            ready_probe=self._answers,
            spent=self._disk.spoilt,
            prepare=self._prepare,
            grace=3.0,
        )

    def sweep(self) -> None:
        """Removes the sockets that it leaves behind: those of our ports, nobody else's."""
        ours = {*self._ports.values(), *self._grpc.values()}
        for socket in SOCKETS.glob("seaweedfs-*.sock"):
            port = re.search(r"-(\d+)\.sock$", socket.name)
            if port and int(port[1]) in ours:
                socket.unlink(missing_ok=True)

    def _arguments(self) -> list[str]:
        ports = [f"-{part}.port={number}" for part, number in self._ports.items()]
        grpc = [f"-{part}.port.grpc={number}" for part, number in self._grpc.items()]
        return [
            "-logtostderr=true", "mini", f"-ip={HOST}", f"-ip.bind={HOST}",
            *ports, *grpc, f"-dir={self._home / 'data'}",
            "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
            f"-s3.config={self._home / 's3.json'}", "-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false",
            "-master.telemetry=false", "-disableHttp",
            # Its one volume server says all there is to know. Resumed, the master is at times no leader yet when that
            # one greets it, and then nothing can be written for 5 to 15 s.
            "-master.resumeState=false",
        ]  # fmt: skip

    def _prepare(self) -> None:
        self._disk.begin()
        (self._home / "data").mkdir(mode=0o700, exist_ok=True)
        write_private(self._home / "s3.json", json.dumps({"identities": identities(self._keys)}).encode())
        self.sweep()
        await_free([*self._ports.values(), *self._grpc.values()])

    def _answers(self) -> bool:
        return speaks_http(self._ports["s3"]) and self._configured() and self._accepts()

    def _configured(self) -> bool:
        """Once per data folder: its buckets, and a flush to disk before each answer."""
        stamp = self._home / "configured"
        if not stamp.exists():
            told = shell(self._ports["master"], self._grpc["master"], CONFIGURE, self._home, timeout=20)
            if any(f"created bucket {name}" not in told for name in BUCKETS):
                raise RuntimeError(f"weed shell: {told}")
            stamp.touch()
        return True

    def _accepts(self) -> bool:
        store = S3Store(
            BUCKETS[0], endpoint=self.url, region="us-east-1", virtual_hosted_style_request=False,
            access_key_id=self._keys[BUCKETS[0]].access, secret_access_key=self._keys[BUCKETS[0]].secret,
            client_options={"allow_http": True, "timeout": "2s"}, retry_config={"max_retries": 0},
        )  # fmt: skip
        try:
            store.put("probe", b"ready")
            store.delete("probe")
        except BaseError:
            return False
        return True


def vacuum(folder: Path) -> bool:
    """Writes what is deleted out of the files of the server that runs on this data folder; False where none does.

    It does so by itself where three tenths of a file are deleted; before that, old bytes stand there.
    """
    ports = remembered(folder / "run" / "ports.json")
    if "objects-master" not in ports or is_free(ports["objects-master"]):
        return False
    told = shell(ports["objects-master"], ports["objects-master-grpc"], VACUUM, folder / "objects", timeout=600)
    if "error" in told:
        raise RuntimeError(f"weed shell: {told}")
    return True


def shell(master: int, grpc: int, commands: str, home: Path, timeout: float) -> str:
    """What SeaweedFS's own shell says to these commands. Raises RuntimeError where it fails."""
    done = subprocess.run(
        [program("weed"), "shell", f"-master={HOST}:{master}.{grpc}"], input=commands, cwd=home,
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"weed shell: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def is_usable(port: int) -> bool:
    """Free, and without a socket that somebody else left behind, which only they could remove."""
    with suppress(FileNotFoundError):
        left = SOCKETS.glob(f"seaweedfs-*-{port}.sock")
        return is_free(port) and all(socket.stat().st_uid == os.geteuid() for socket in left)
    return False  # somebody is at work on it right now


def identities(keys: Mapping[str, Keys]) -> list[dict[str, object]]:
    """One per bucket, which it may read and write but not remove."""
    return [
        {
            "name": own.access,
            "credentials": [{"accessKey": own.access, "secretKey": own.secret}],
            "actions": [f"{action}:{bucket}" for action in ("Read", "Write", "List", "Tagging")],
        }
        for bucket, own in keys.items()
    ]


def speaks_http(port: int, path: str = "/") -> bool:
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except HTTPException:
        return False
    finally:
        connection.close()


def await_free(ports: list[int], seconds: float = 10.0) -> None:
    """Never the new one before the old has let go of its ports."""
    until = time.monotonic() + seconds
    while not all(map(is_free, ports)) and time.monotonic() < until:
        time.sleep(0.05)
