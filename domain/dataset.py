"""A dataset: labelled images by hash, how they are split, and the snapshots that training may trust."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from domain.content import Content, DatasetHasNoSplit, Snapshot, Split, SplitMethod
from domain.errors import Refused
from domain.model import Event
from domain.roles import OF_DATASET_OWNER, DatasetRole, Permission
from domain.shared import Shared
from domain.values import Count, Sha256, Tag, Text


class Visibility(StrEnum):
    PRIVATE = "private"
    ORGANIZATION = "organization"


class DatasetIsEmpty(Refused):
    pass


class ContentHasMoved(Refused):
    """The upload was prepared against another revision than the current one."""


class TaskWouldChange(Refused):
    """Boxes and classes of whole images are not comparable: one dataset is for one task."""


class SplitIsOfAnotherRevision(Refused):
    pass


class SnapshotTagIsTaken(Refused):
    pass


class Dataset(Shared[DatasetRole]):
    TOPIC: ClassVar[str] = "dataset"
    PLACES: ClassVar[type[DatasetRole]] = DatasetRole
    OF_ITS_OWNER: ClassVar[frozenset[Permission]] = OF_DATASET_OWNER

    class Created(Shared.Created):
        TOPIC: ClassVar[str] = "dataset.created"
        visibility: Visibility
        tags: Annotated[tuple[Tag, ...], Field(max_length=50)]

        def apply(self, aggregate: "Dataset") -> None:
            super().apply(aggregate)
            aggregate.visibility = self.visibility
            aggregate.content = None
            aggregate.report = None
            aggregate.revision = 0
            aggregate.split = None
            aggregate.brought = None
            aggregate.snapshots = {}

    class RevisionCommitted(Event):
        TOPIC: ClassVar[str] = "dataset.revision_committed"
        revision: Count
        previous: Sha256 | None
        content: Content
        report: Sha256

        def apply(self, aggregate: "Dataset") -> None:
            aggregate.content = self.content
            aggregate.report = self.report
            aggregate.revision = self.revision

    class SplitMade(Event):
        TOPIC: ClassVar[str] = "dataset.split_made"
        split: Split

        def apply(self, aggregate: "Dataset") -> None:
            aggregate.split = self.split
            aggregate.brought = self.split if self.split.method is SplitMethod.MANUAL else aggregate.brought

    class SnapshotTaken(Event):
        TOPIC: ClassVar[str] = "dataset.snapshot_taken"
        snapshot: Snapshot
        description: Text

        def apply(self, aggregate: "Dataset") -> None:
            aggregate.snapshots[self.snapshot.tag] = self.snapshot

    class MemberAdded(Shared.MemberAdded):
        TOPIC: ClassVar[str] = "dataset.member_added"
        role: DatasetRole

    class MemberRoleChanged(Shared.MemberRoleChanged):
        TOPIC: ClassVar[str] = "dataset.member_role_changed"
        previous: DatasetRole
        role: DatasetRole

    class MemberRemoved(Shared.MemberRemoved):
        TOPIC: ClassVar[str] = "dataset.member_removed"
        role: DatasetRole

    class OwnershipOffered(Shared.OwnershipOffered):
        TOPIC: ClassVar[str] = "dataset.ownership_offered"

    class OwnershipDeclined(Shared.OwnershipDeclined):
        TOPIC: ClassVar[str] = "dataset.ownership_declined"

    class OwnershipAccepted(Shared.OwnershipAccepted):
        """None in `previous_role`: who owned it had left the organization before."""

        TOPIC: ClassVar[str] = "dataset.ownership_accepted"
        previous_role: DatasetRole | None

    class Deleted(Shared.Deleted):
        TOPIC: ClassVar[str] = "dataset.deleted"

    class Undeleted(Shared.Undeleted):
        TOPIC: ClassVar[str] = "dataset.undeleted"

    class Purged(Shared.Purged):
        TOPIC: ClassVar[str] = "dataset.purged"

    visibility: Visibility
    content: Content | None
    report: str | None
    revision: int
    split: Split | None
    brought: Split | None
    snapshots: dict[str, Snapshot]

    @classmethod
    def create(
        cls,
        id: UUID,
        organization_id: UUID,
        owner_id: UUID,
        name: str,
        description: str,
        visibility: Visibility,
        tags: tuple[str, ...],
        now: datetime,
    ) -> Self:
        return cls._create(
            cls.Created,
            id=id,
            organization_id=organization_id,
            owner_id=owner_id,
            name=name,
            description=description,
            visibility=visibility,
            tags=tags,
            timestamp=now,
        )

    def shown_to(self, person_id: UUID) -> bool:
        """A private one to whoever has a place in it, and whom it is offered to."""
        if self.visibility is not Visibility.PRIVATE:
            return True
        return person_id in (self.owner_id, self.offered_to) or person_id in self.members

    def commit_revision(self, content: Content, report: str, expected_root: str | None, now: datetime) -> None:
        """Make `content` the current revision; the same content again is no new revision."""
        self.must_be_there()
        current = self.content.root if self.content else None
        if current == content.root:
            return
        if self.content is not None and self.content.task is not content.task:
            raise TaskWouldChange(
                f"dataset {self.name!r} is for {self.content.task}, this is for {content.task}; make another dataset"
            )
        if current != expected_root:
            raise ContentHasMoved(f"dataset {self.name!r} has changed since this upload began; begin another one")
        self.trigger_event(
            self.RevisionCommitted,
            revision=self.revision + 1,
            previous=current,
            content=content,
            report=report,
            timestamp=now,
        )

    def make_split(self, split: Split, now: datetime) -> None:
        self.must_be_there()
        if split.root != self._filled().root:
            raise SplitIsOfAnotherRevision(f"dataset {self.name!r} has changed since this split was made; make another")
        if split != self.split:
            self.trigger_event(self.SplitMade, split=split, timestamp=now)

    def bring_split(self, split: Split, now: datetime) -> None:
        """One that came with the data; the same one once more does not replace what was chosen since."""
        if split != self.brought:
            self.make_split(split, now)

    def take_snapshot(self, id: UUID, tag: str, description: str, now: datetime) -> Snapshot:
        """Fix content and split under a tag."""
        self.must_be_there()
        content = self._filled()
        if tag in self.snapshots:
            raise SnapshotTagIsTaken(f"dataset {self.name!r} has a snapshot {tag!r} already; choose another tag")
        snapshot = Snapshot(id=id, tag=tag, root=content.root, images=content.images, split=self._current_split())
        self.trigger_event(self.SnapshotTaken, snapshot=snapshot, description=description, timestamp=now)
        return snapshot

    def snapshot_for_training(self, id: UUID, job_id: UUID, now: datetime) -> Snapshot:
        """The last snapshot where content and split are still the same, else a new one (`training-<job>`)."""
        self.must_be_there()
        self._filled()
        split = self._current_split()
        if split is None:
            raise DatasetHasNoSplit(f"dataset {self.name!r} has no split for its current revision; make one first")
        last = next(reversed(self.snapshots.values()), None)
        if last is not None and last.root == self._filled().root and last.split == split:
            return last
        return self.take_snapshot(id, f"training-{job_id}", "taken by itself when the training was requested", now)

    def _filled(self) -> Content:
        if self.content is None:
            raise DatasetIsEmpty(f"dataset {self.name!r} has no images yet; upload some first")
        return self.content

    def _current_split(self) -> Split | None:
        return self.split if self.split and self.split.root == self._filled().root else None
