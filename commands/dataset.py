"""What one may ask of a dataset."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from commands.access import Access, Command, May, Platform
from commands.ports import Accepted, Contents, Store
from commands.project import home
from commands.shared import OfMember, OfMemberUpto, OfPlace, OfShared
from domain.content import USUAL, Ratios, SplitMethod
from domain.dataset import Dataset, DatasetIsEmpty, Visibility
from domain.groups import Rule
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.roles import DatasetRole, Permission
from domain.split import sensible
from domain.values import Count, PlainName, Tag, Text


class CreateDataset(Command):
    ACCESS: ClassVar[Access] = May(Permission.CREATE_DATASET)
    dataset_id: UUID
    name: PlainName
    description: Text = ""
    visibility: Visibility = Visibility.ORGANIZATION
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()


class CommitUpload(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_DATASET, Dataset, "dataset_id")
    dataset_id: UUID
    upload_id: UUID
    strict: bool = False


class MakeSplit(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_DATASET, Dataset, "dataset_id")
    dataset_id: UUID
    method: SplitMethod = SplitMethod.STRATIFIED
    ratios: Annotated[Ratios, AfterValidator(sensible)] = USUAL
    seed: Count = 0
    groups: Rule | None = None

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        if self.method is SplitMethod.MANUAL:
            raise ValueError("a manual split comes with the data; choose auto or stratified")
        return self


class TakeSnapshot(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_DATASET, Dataset, "dataset_id")
    dataset_id: UUID
    snapshot_id: UUID
    tag: Tag
    description: Text = ""


class OfDataset(OfShared):
    dataset_id: UUID

    def thing(self, store: Store) -> Dataset:
        return store.get(Dataset, self.dataset_id)


class AddDatasetMember(OfDataset, OfPlace):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_DATASET_MEMBERS, Dataset, "dataset_id")
    role: DatasetRole = DatasetRole.VIEWER


class ChangeDatasetRole(OfDataset, OfPlace):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_DATASET_MEMBERS, Dataset, "dataset_id")
    role: DatasetRole


class RemoveDatasetMember(OfDataset, OfMember):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_DATASET_MEMBERS, Dataset, "dataset_id")


class LeaveDataset(OfDataset):
    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE, unverified=True)


class VacateDataset(OfDataset, OfMemberUpto):
    """For whoever left the organization."""

    ACCESS: ClassVar[Access] = Platform()


class OfferDataset(OfDataset, OfMember):
    """It is handed over once that person accepts."""

    ACCESS: ClassVar[Access] = May(Permission.HAND_OVER_DATASET, Dataset, "dataset_id")


class AcceptDataset(OfDataset):
    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE)


class DeclineDataset(OfDataset):
    """Whoever it is offered to declines it."""

    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE, unverified=True)


class WithdrawDataset(OfDataset):
    """Whoever may offer it takes the offer back."""

    ACCESS: ClassVar[Access] = May(Permission.HAND_OVER_DATASET, Dataset, "dataset_id")


def create_dataset(command: CreateDataset, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    return store.save(
        Dataset.create(
            command.dataset_id,
            home(actor),
            actor.id,
            command.name,
            command.description,
            command.visibility,
            command.tags,
            now,
        )
    )


def commit_upload(command: CommitUpload, actor: Actor, now: datetime, *, store: Store, contents: Contents) -> Accepted:
    """The files become a revision; a split that came with them is kept as it is, one of ours until another comes."""
    dataset = store.get(Dataset, command.dataset_id)
    prepared = contents.prepare(command.upload_id, dataset.id, dataset.organization_id, strict=command.strict)
    dataset.commit_revision(prepared.content, prepared.report, prepared.base, now)
    if prepared.split is not None:
        dataset.bring_split(prepared.split, now)
    return store.save(dataset)


def make_split(command: MakeSplit, actor: Actor, now: datetime, *, store: Store, contents: Contents) -> Accepted:
    dataset = store.get(Dataset, command.dataset_id)
    if dataset.content is None:
        raise DatasetIsEmpty(f"dataset {dataset.name!r} has no images to split; upload some first")
    split = contents.split(
        dataset.organization_id, dataset.content, command.method, command.ratios, command.seed, command.groups
    )
    dataset.make_split(split, now)
    return store.save(dataset)


def take_snapshot(command: TakeSnapshot, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    dataset = store.get(Dataset, command.dataset_id)
    dataset.take_snapshot(command.snapshot_id, command.tag, command.description, now)
    return store.save(dataset)


def accept_dataset(command: AcceptDataset, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    """Whoever owned it stays as a maintainer, unless gone from the organization since."""
    dataset = command.thing(store)
    before = store.find(Membership, membership_id(dataset.organization_id, dataset.owner_id))
    there = before is not None and before.role is not None
    dataset.accept_ownership(actor.id, DatasetRole.MAINTAINER if there else None, now)
    return store.save(dataset)
