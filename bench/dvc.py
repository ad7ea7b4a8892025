"""DVC as a peer: in an environment that is made here, on the same files and into the same store."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers import Servers

ROOT: Final = Path(__file__).parent.parent
PROGRAMS: Final = ROOT / ".envs" / "dvc" / "bin"
RELEASE: Final = "dvc[s3]==3.67.1"


@dataclass(frozen=True)
class Dvc:
    """A project beside the folder that it keeps."""

    project: Path

    def begin(self, servers: Servers) -> None:
        furnish()
        keys = servers.parts.s3_keys("vistory")
        self.project.mkdir()
        self("init", "--no-scm", "-q")
        self("remote", "add", "-q", "-d", "store", f"s3://{servers.parts.settings.s3_bucket}/dvc/{self.project.name}")
        told = {"endpointurl": servers.parts.s3_url, "access_key_id": keys.access, "secret_access_key": keys.secret}
        for name, value in {**told, "region": "us-east-1"}.items():
            self("remote", "modify", "--local", "store", name, value)

    def push(self, folder: str) -> None:
        self("add", "-q", folder)
        self("push", "-q")

    def __call__(self, *words: str) -> None:
        home = {"HOME": str(self.project), "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(self.project / "site")}
        run([PROGRAMS / "dvc", *words], self.project, {"PATH": os.environ["PATH"], **home})


def furnish() -> None:
    if not (PROGRAMS / "dvc").exists():
        uv = ROOT / ".tools" / "bin" / "uv"
        run([uv, "venv", "--quiet", "--python", ROOT / ".tools" / "bin" / "python", PROGRAMS.parent], ROOT)
        run([uv, "pip", "install", "--quiet", "-p", PROGRAMS.parent, RELEASE], ROOT)


def run(words: Sequence[str | Path], folder: Path, environment: dict[str, str] | None = None) -> None:
    subprocess.run(words, cwd=folder, env=environment, check=True)
