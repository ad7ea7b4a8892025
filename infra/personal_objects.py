"""Objects that are about one person: apart from those of organizations, kept for a day, and gone with the person."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final, Self
from uuid import UUID

from obstore.exceptions import NotFoundError
from obstore.store import S3Store

from infra.config import Settings
from infra.objects import s3_store
from infra.presign import Presigner

FOLDER: Final = "persons"


@dataclass(frozen=True)
class PersonalObjects:
    store: S3Store
    presigner: Presigner
    bucket: str

    @classmethod
    def open(cls, settings: Settings) -> Self:
        access, secret = settings.need("s3_access_key"), settings.need("s3_secret_key")
        presigner = Presigner(settings.need("s3_url").rstrip("/"), settings.s3_region, access, secret)
        return cls(s3_store(settings), presigner, settings.s3_bucket)

    def put(self, person_id: UUID, name: str, data: IO[bytes]) -> None:
        self.store.put(_path(person_id, name), data)

    def made_at(self, person_id: UUID, name: str) -> datetime | None:
        """None where there is no such object."""
        try:
            found: datetime = self.store.head(_path(person_id, name))["last_modified"]
            return found
        except (NotFoundError, FileNotFoundError):
            return None

    def address(self, person_id: UUID, name: str) -> str:
        """For the person's own eyes, for a few minutes."""
        query = {"response-content-disposition": f'attachment; filename="{name}"'}
        return self.presigner.url("GET", f"{self.bucket}/{_path(person_id, name)}", query=query)

    def forget(self, person_id: UUID) -> None:
        if paths := [path for path, _ in self._all(str(person_id))]:
            self.store.delete(paths)

    def clear(self) -> None:
        """Of everybody: what is missed is made anew."""
        if paths := [path for path, _ in self._all()]:
            self.store.delete(paths)

    def sweep(self, before: datetime) -> None:
        if paths := [path for path, made in self._all() if made < before]:
            self.store.delete(paths)

    def _all(self, folder: str = "") -> Iterator[tuple[str, datetime]]:
        for some in self.store.list(f"{FOLDER}/{folder}"):
            yield from ((each["path"], each["last_modified"]) for each in some)


def _path(person_id: UUID, name: str) -> str:
    return f"{FOLDER}/{person_id}/{name}"
