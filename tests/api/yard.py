"""Where what nobody names is freed when a test says so."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from infra.config import Settings
from infra.objects import s3_store
from infra.room import Room, Rooms
from infra.trash import Trash
from infra.wiring import Core
from projections import PROJECTIONS
from tests.api.visitor import Visitor

NAMES = [each.name for each in PROJECTIONS]
AT_ONCE = timedelta(0)


@dataclass(frozen=True)
class Yard:
    """The hour of grace is over when a test says so, and so is the one after which it is looked up what is named."""

    trash: Trash
    core: Core
    settings: Settings

    def free(self) -> None:
        self.trash.reading.wait_until(NAMES, self.core.store.head().position, 20)
        for thrown in self.trash.waiting():
            self.trash.free(thrown)

    def look_up(self) -> None:
        self.trash.reading.wait_until(NAMES, self.core.store.head().position, 20)
        for upload in self.trash.ended():
            self.trash.drop(upload)
        with self.core.pool.connection() as connection:
            connection.execute("UPDATE content.leaving SET due_at = now()")
        for id in self.trash.in_doubt():
            self.trash.look_up(id)

    def sweep(self) -> int:
        self.trash.reading.wait_until(NAMES, self.core.store.head().position, 20)
        return replace(self.trash, grace=AT_ONCE).sweep()

    def empty(self) -> int:
        self.free()
        return self.sweep()

    def objects(self, visitor: Visitor) -> set[str]:
        """All that the store has of the visitor's organization, by hash."""
        batches = s3_store(self.settings).list(f"orgs/{visitor.organization}/blobs")
        return {each["path"].rpartition("/")[2] for batch in batches for each in batch}

    def room(self, visitor: Visitor) -> Room:
        return Rooms(self.core.pool, self.trash.blobs).of(UUID(visitor.organization))
