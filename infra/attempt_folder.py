"""What a worker keeps on its disk of each attempt: the claim, the spool, and the work, which goes when it has ended."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from infra.leases import Key
from infra.spool import Spool

OLDEST: Final = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Claimed:
    """What a later start of the service needs to finish the attempt of an earlier one."""

    token: str
    organization_id: str


@dataclass(frozen=True)
class AttemptFolder:
    path: Path
    key: Key

    @classmethod
    def of(cls, home: Path, key: Key) -> Self:
        return cls(home / "attempts" / str(key), key)

    @classmethod
    def leftovers(cls, home: Path) -> Iterator[Self]:
        """Whatever an earlier start left; what is too old for the archive to ask for is removed."""
        for path in sorted((home / "attempts").glob("*.*")):
            job, _, attempt = path.name.partition(".")
            folder = cls(path, Key(UUID(job), int(attempt)))
            if folder.is_claimed and time.time() - folder._claim.stat().st_mtime < OLDEST:
                yield folder
            else:
                folder.remove()

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def _claim(self) -> Path:
        return self.path / "claim.json"

    @property
    def is_claimed(self) -> bool:
        """Whether it was kept by which right the attempt is ours."""
        return self._claim.exists()

    @property
    def ended(self) -> bool:
        """Whether the platform has heard how it ended."""
        return (self.path / "ended").exists()

    def begin(self, claimed: Claimed) -> None:
        self.work.mkdir(parents=True, mode=0o700, exist_ok=True)
        draft = self.path / ".claim.json.part"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"token": claimed.token, "organization_id": claimed.organization_id}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._claim)

    def claimed(self) -> Claimed:
        return Claimed(**json.loads(self._claim.read_text()))

    def spool(self) -> Spool:
        return Spool(self.path / "spool" / "points.jsonl")

    def end(self) -> None:
        (self.path / "ended").touch()
        self.clear()

    def clear(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
