"""Who is in a dataset, over HTTP, and whose it is."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Connection

from api.dataset import COMMAND, QUERY, show
from api.edge import Body, CommandReceipt, Empty, NewOwner, PersonDesk
from api.reading import Member, reads
from commands.dataset import (
    AcceptDataset,
    AddDatasetMember,
    ChangeDatasetRole,
    DeclineDataset,
    LeaveDataset,
    OfferDataset,
    RemoveDatasetMember,
    WithdrawDataset,
)
from domain.roles import DatasetRole
from projections import dataset, membership, service_account
from projections.dataset import DatasetMemberRow, list_dataset_members

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["datasets"])
ReadingPeople = Annotated[Connection, reads(dataset.PROJECTION, membership.PROJECTION, service_account.PROJECTION)]


class NewDatasetMember(Body):
    person_id: UUID
    role: DatasetRole = DatasetRole.VIEWER


class NewDatasetRole(Body):
    role: DatasetRole


@router.get("/members", summary="List the members of a dataset", responses=QUERY)
def members(dataset_id: UUID, member: Member, tx: ReadingPeople) -> list[DatasetMemberRow]:
    """Whoever is in the dataset beside its owner."""
    return list_dataset_members(tx, show(dataset_id, member, tx).id)


@router.post("/members", summary="Add a member to a dataset", responses=COMMAND)
def add(dataset_id: UUID, body: NewDatasetMember, desk: PersonDesk) -> CommandReceipt:
    return CommandReceipt(id=desk(AddDatasetMember(dataset_id=dataset_id, person_id=body.person_id, role=body.role)).id)


@router.patch("/members/{person_id}", summary="Change a dataset member's role", responses=COMMAND)
def change_role(dataset_id: UUID, person_id: UUID, body: NewDatasetRole, desk: PersonDesk) -> CommandReceipt:
    return CommandReceipt(id=desk(ChangeDatasetRole(dataset_id=dataset_id, person_id=person_id, role=body.role)).id)


@router.delete("/members/{person_id}", summary="Remove a member from a dataset", responses=COMMAND)
def remove(dataset_id: UUID, person_id: UUID, desk: PersonDesk) -> CommandReceipt:
    """Oneself: to leave, which needs nobody's permission."""
    if person_id == desk.caller.id:
        return CommandReceipt(id=desk(LeaveDataset(dataset_id=dataset_id)).id)
    return CommandReceipt(id=desk(RemoveDatasetMember(dataset_id=dataset_id, person_id=person_id)).id)


@router.post("/owner/offer", summary="Offer ownership of a dataset", responses=COMMAND)
def offer(dataset_id: UUID, body: NewOwner, desk: PersonDesk) -> CommandReceipt:
    """The dataset is handed over once that person accepts."""
    return CommandReceipt(id=desk(OfferDataset(dataset_id=dataset_id, person_id=body.person_id)).id)


@router.post("/owner/accept", summary="Accept ownership of a dataset", responses=COMMAND)
def accept(dataset_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(AcceptDataset(dataset_id=dataset_id)).id)


@router.post("/owner/decline", summary="Decline ownership of a dataset", responses=COMMAND)
def decline(dataset_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(DeclineDataset(dataset_id=dataset_id)).id)


@router.post("/owner/withdraw", summary="Withdraw an offer of dataset ownership", responses=COMMAND)
def withdraw(dataset_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(WithdrawDataset(dataset_id=dataset_id)).id)
