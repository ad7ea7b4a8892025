"""The datasets of an organization with their counts and current split; their revisions and snapshots."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, DateTime, Index, Select, Table, Text, Uuid, select
from sqlalchemy.dialects.postgresql import JSONB

from domain.content import Layout, Split, Task
from domain.dataset import Dataset, Visibility
from domain.model import Recorded
from domain.roles import DatasetRole
from domain.values import Value
from projections import shown
from projections.datasets import datasets, members, offers
from projections.folding import changed, plain, thrown
from projections.model import Key, Projection, Row, View, metadata
from projections.paging import Page, first, lies, newest
from projections.shared import PlaceRow, list_places, views_of
from projections.topics import DATASET

revisions: Final = Table(
    "dataset_revisions",
    metadata,
    Column("dataset_id", Uuid, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("previous", Text),
    Column("root", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("report", Text, nullable=False),
    Column("committed_by", Uuid, nullable=False),
    Column("committed_at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
)

snapshots: Final = Table(
    "dataset_snapshots",
    metadata,
    Column("dataset_id", Uuid, primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("organization_id", Uuid, nullable=False),
    Column("root", Text, nullable=False),
    Column("images", BigInteger, nullable=False),
    Column("split", JSONB(none_as_null=True)),
    Column("description", Text, nullable=False),
    Column("taken_by", Uuid, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("dataset_snapshots_newest", "dataset_id", "position"),
    Index("dataset_snapshots_by_id", "id"),
)


class DatasetRow(Value):
    """`offered_to` is the person who may accept to own it; one with `purge_at` is in the trash until then.

    Of one with `purged_at` nothing but its history is left.
    """

    id: UUID
    organization_id: UUID
    owner_id: UUID
    name: str
    description: str
    visibility: Visibility
    offered_to: UUID | None
    tags: tuple[str, ...]
    revision: int
    root: str | None
    images: int
    labelled_images: int
    annotations: int
    bytes: int
    task: Task | None
    layout: Layout | None
    classes: tuple[str, ...]
    report: str | None
    last_split: Split | None
    snapshots: int
    purge_at: datetime | None
    purged_at: datetime | None
    created_at: datetime
    updated_at: datetime
    first_position: int
    position: int

    @property
    def split(self) -> Split | None:
        """The split of the current revision; one of an older revision says nothing about this one."""
        return self.last_split if self.last_split and self.last_split.root == self.root else None


class DatasetMemberRow(PlaceRow):
    dataset_id: UUID
    role: DatasetRole


class SnapshotRow(Value):
    dataset_id: UUID
    tag: str
    id: UUID
    organization_id: UUID
    root: str
    images: int
    split: Split | None
    description: str
    taken_by: UUID
    taken_at: datetime
    position: int


_EMPTY: Final[dict[str, Any]] = {
    "revision": 0,
    "root": None,
    "images": 0,
    "labelled_images": 0,
    "annotations": 0,
    "bytes": 0,
    "task": None,
    "layout": None,
    "classes": [],
    "report": None,
    "last_split": None,
    "snapshots": 0,
    "purge_at": None,
    "purged_at": None,
}


def _dataset_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case (
            Dataset.Created(originator_id=id)
            | Dataset.RevisionCommitted(originator_id=id)
            | Dataset.SplitMade(originator_id=id)
            | Dataset.SnapshotTaken(originator_id=id)
            | Dataset.OwnershipOffered(originator_id=id)
            | Dataset.OwnershipDeclined(originator_id=id)
            | Dataset.OwnershipAccepted(originator_id=id)
            | Dataset.Deleted(originator_id=id)
            | Dataset.Undeleted(originator_id=id)
            | Dataset.Purged(originator_id=id)
        ):
            yield (id,)


def _dataset(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    now = recorded.envelope.decided_at
    match recorded.event:
        case Dataset.Created() as event:
            return {
                "organization_id": event.organization_id,
                "owner_id": event.owner_id,
                "name": event.name,
                "description": event.description,
                "visibility": event.visibility.value,
                "offered_to": None,
                "tags": plain(event.tags),
                **_EMPTY,
                "created_at": now,
                "updated_at": now,
                "first_position": recorded.position,
            }
        case Dataset.RevisionCommitted() as event:
            content = plain(event.content)
            return changed(row, **content, revision=event.revision, report=event.report, updated_at=now)
        case Dataset.SplitMade(split=split):
            return changed(row, last_split=plain(split), updated_at=now)
        case Dataset.SnapshotTaken():
            return changed(row, snapshots=changed(row)["snapshots"] + 1)
        case Dataset.OwnershipOffered(person_id=person_id):
            return changed(row, offered_to=person_id)
        case Dataset.OwnershipDeclined():
            return changed(row, offered_to=None)
        case Dataset.OwnershipAccepted(person_id=person_id):
            return changed(row, offered_to=None, owner_id=person_id)
    return changed(row, **thrown(recorded))


def _revision_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case Dataset.RevisionCommitted(originator_id=id, revision=revision):
            yield (id, revision)


def _revision(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Dataset.RevisionCommitted() as event:
            return {
                "organization_id": recorded.envelope.organization,
                "previous": event.previous,
                "root": event.content.root,
                "content": plain(event.content),
                "report": event.report,
                "committed_by": recorded.envelope.actor.id,
                "committed_at": recorded.envelope.decided_at,
            }
    return row


def _snapshot_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case Dataset.SnapshotTaken(originator_id=id, snapshot=snapshot):
            yield (id, snapshot.tag)


def _snapshot(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Dataset.SnapshotTaken(snapshot=snapshot, description=description):
            return {
                "id": snapshot.id,
                "organization_id": recorded.envelope.organization,
                "root": snapshot.root,
                "images": snapshot.images,
                "split": plain(snapshot.split),
                "description": description,
                "taken_by": recorded.envelope.actor.id,
                "taken_at": recorded.envelope.decided_at,
            }
    return row


PROJECTION: Final = Projection(
    "dataset",
    (
        View(datasets, _dataset_keys, _dataset, DATASET),
        View(revisions, _revision_keys, _revision, frozenset({"dataset.revision_committed"})),
        View(snapshots, _snapshot_keys, _snapshot, frozenset({"dataset.snapshot_taken"})),
        *views_of(members, offers, Dataset, DATASET),
    ),
)


def _seen(organization_id: UUID, viewer: UUID | None) -> Select[tuple[object, ...]]:
    return select(datasets).where(datasets.c.organization_id == organization_id, shown.to(viewer))


def find_dataset(tx: Connection, organization_id: UUID, id: UUID, *, viewer: UUID | None = None) -> DatasetRow | None:
    """With a viewer, another person's private dataset is not found."""
    return first(tx, _seen(organization_id, viewer).where(datasets.c.id == id), DatasetRow)


def list_datasets(
    tx: Connection,
    organization_id: UUID,
    *,
    viewer: UUID | None = None,
    deleted: bool = False,
    after: int | None = None,
    limit: int = 50,
) -> Page[DatasetRow]:
    """`deleted` are those in the trash. Those that were purged are found by their id."""
    query = _seen(organization_id, viewer).where(lies(datasets, deleted))
    return newest(tx, query, datasets.c.first_position, DatasetRow, after, limit)


def list_snapshots(
    tx: Connection, organization_id: UUID, dataset_id: UUID, *, after: int | None = None, limit: int = 50
) -> Page[SnapshotRow]:
    of = snapshots.c.dataset_id == dataset_id, snapshots.c.organization_id == organization_id
    return newest(tx, select(snapshots).where(*of), snapshots.c.position, SnapshotRow, after, limit)


def list_dataset_members(tx: Connection, dataset_id: UUID) -> list[DatasetMemberRow]:
    return list_places(tx, members, dataset_id, DatasetMemberRow)
