"""Datasets over HTTP: made, shown, split, fixed as snapshots, compared."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Connection
from uuid_utils.compat import uuid7

from api import errors
from api.edge import Body, CommandReceipt, PersonDesk, wish
from api.house import House, TheHouse
from api.reading import After, Known, Limit, Member, reads
from api.threads import fetches
from commands.dataset import CreateDataset, MakeSplit, TakeSnapshot
from domain.comparison import Comparison
from domain.content import USUAL, Content, Ratios, Split, SplitMethod
from domain.dataset import Dataset, DatasetIsEmpty, Visibility
from domain.errors import NotFound
from domain.groups import Rule
from domain.manifest import Entry
from domain.report import Report
from domain.tables import Side, SideTable
from domain.values import Count, PlainName, Tag, Text, Value
from projections import dataset
from projections.dataset import DatasetRow, SnapshotRow, find_dataset, list_datasets, list_snapshots
from projections.paging import Page

router = APIRouter(prefix="/datasets", tags=["datasets"])
Reading = Annotated[Connection, reads(dataset.PROJECTION)]
COMMAND = errors.responses(401, 403, 404, 409, 413, 422, 503)
QUERY = errors.responses(401, 403, 404, 409, 422, 503)


class NewDataset(Body):
    name: PlainName
    description: Text = ""
    visibility: Visibility = Visibility.ORGANIZATION
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()


class NewSplit(Body):
    method: SplitMethod = SplitMethod.STRATIFIED
    ratios: Ratios = USUAL
    seed: Count = 0
    groups: Rule | None = None


class NewSnapshot(Body):
    tag: Tag
    description: Text = ""


class Image(Entry):
    """An image of the current revision, with an address that is good for minutes."""

    side: Side | None
    url: str


class Images(Value):
    items: list[Image]
    next: str | None


class ShownSplit(Split):
    """A split, and what each side holds, class by class."""

    sides: tuple[SideTable, ...]


class SplitMade(CommandReceipt):
    split: ShownSplit


@router.post("", summary="Create a dataset", status_code=201, responses=COMMAND)
def create(body: NewDataset, desk: PersonDesk) -> CommandReceipt:
    return CommandReceipt(id=desk(CreateDataset(dataset_id=uuid7(), **dict(body))).id)


@router.get("", summary="List datasets", responses=errors.responses(401, 403, 422, 503))
def index(
    member: Member, tx: Reading, deleted: bool = False, after: After = None, limit: Limit = 50
) -> Page[DatasetRow]:
    of = member.organization_id
    return list_datasets(tx, of, viewer=member.viewer, deleted=deleted, after=after, limit=limit)


@router.get("/compare", summary="Compare two datasets", responses=QUERY)
@fetches
def compare(dataset_a: UUID, dataset_b: UUID, member: Member, house: TheHouse) -> Comparison:
    before, after = (_content(house, member, id) for id in (dataset_a, dataset_b))
    return house.contents.compare(member.organization_id, before.root, after.root)


@router.get("/{dataset_id:uuid}", summary="Get a dataset", responses=QUERY)
def show(dataset_id: UUID, member: Member, tx: Reading) -> DatasetRow:
    if row := find_dataset(tx, member.organization_id, dataset_id, viewer=member.viewer):
        return row
    raise NotFound(f"there is no dataset {dataset_id}")


@router.get("/{dataset_id}/report", summary="Get the report of a dataset's last upload", responses=QUERY)
@fetches
def report(dataset_id: UUID, member: Member, house: TheHouse) -> Report:
    """What became of each file of the last upload."""
    dataset = visible(house, member, dataset_id)
    if dataset.report is None:
        raise NotFound(f"nothing was uploaded into dataset {dataset_id} yet")
    return house.contents.report(member.organization_id, dataset.report)


@router.get("/{dataset_id}/images", summary="List the images of a dataset", responses=QUERY)
@fetches
def images(
    dataset_id: UUID,
    member: Member,
    house: TheHouse,
    after: Annotated[str, Query(max_length=1_000)] = "",
    limit: Limit = 100,
    side: Side | None = None,
) -> Images:
    dataset = visible(house, member, dataset_id)
    if dataset.content is None:
        return Images(items=[], next=None)
    split = dataset.split if dataset.split and dataset.split.root == dataset.content.root else None
    return images_of(house, member.organization_id, dataset.content.root, split, after, limit, side)


@router.get("/{dataset_id}/split", summary="Get the split of a dataset", responses=QUERY)
@fetches
def show_split(dataset_id: UUID, member: Member, house: TheHouse) -> ShownSplit:
    dataset = visible(house, member, dataset_id)
    if dataset.split is None:
        raise NotFound(f"dataset {dataset.name!r} has no split yet")
    return _shown(house, member.organization_id, dataset.split)


@router.post("/{dataset_id}/split", summary="Split a dataset into train, val and test", responses=COMMAND)
@fetches
def split(dataset_id: UUID, body: NewSplit, desk: PersonDesk) -> SplitMade:
    accepted = desk(wish(MakeSplit, dataset_id=dataset_id, **dict(body)))
    dataset = desk.house.ledger_as(desk.caller).get(Dataset, dataset_id)
    assert dataset.split is not None, "a split was just made"
    return SplitMade(id=accepted.id, split=_shown(desk.house, dataset.organization_id, dataset.split))


@router.post("/{dataset_id}/snapshot", summary="Take a snapshot of a dataset", status_code=201, responses=COMMAND)
def snapshot(dataset_id: UUID, body: NewSnapshot, desk: PersonDesk) -> CommandReceipt:
    desk(TakeSnapshot(dataset_id=dataset_id, snapshot_id=uuid7(), **dict(body)))
    return CommandReceipt(id=desk.house.ledger_as(desk.caller).get(Dataset, dataset_id).snapshots[body.tag].id)


@router.get("/{dataset_id}/snapshots", summary="List the snapshots of a dataset", responses=QUERY)
def snapshots(
    dataset_id: UUID, member: Member, tx: Reading, after: After = None, limit: Limit = 50
) -> Page[SnapshotRow]:
    show(dataset_id, member, tx)
    return list_snapshots(tx, member.organization_id, dataset_id, after=after, limit=limit)


def visible(house: House, member: Known, dataset_id: UUID) -> Dataset:
    """The dataset as the ledger has it, unless it is another person's private one. Raises IsPurged."""
    dataset = house.ledger_as(member.caller).get(Dataset, dataset_id)
    dataset.must_be_kept()
    return dataset


def images_of(
    house: House,
    organization_id: UUID,
    root: str,
    split: Split | None,
    after: str,
    limit: int,
    side: Side | None = None,
) -> Images:
    found = house.contents.images(organization_id, root, split, after, limit, side)
    items = [
        Image(**dict(entry), side=side, url=house.blobs.url(organization_id, entry.sha256, entry.path))
        for entry, side in found.items
    ]
    return Images(items=items, next=found.next)


def _shown(house: House, organization_id: UUID, split: Split) -> ShownSplit:
    return ShownSplit(**dict(split), sides=house.contents.tables(organization_id, split).sides)


def _content(house: House, member: Known, dataset_id: UUID) -> Content:
    dataset = visible(house, member, dataset_id)
    if dataset.content is None:
        raise DatasetIsEmpty(f"dataset {dataset.name!r} has no images yet")
    return dataset.content
