"""The trash over HTTP: datasets into it and back, and what is in it gone for good."""

from uuid import UUID

from fastapi import APIRouter

from api import errors
from api.edge import Body, CommandReceipt, Empty, PersonDesk
from commands.trash import DeleteDataset, PurgeDataset, PurgeProject, UndeleteDataset
from domain.values import Name

router = APIRouter(tags=["trash"])
COMMAND = errors.responses(401, 403, 404, 409, 413, 422, 503)


class PurgeConfirmation(Body):
    """What is to go for good, by its name exactly."""

    name: Name


@router.delete("/datasets/{dataset_id:uuid}", summary="Move a dataset to the trash", responses=COMMAND)
def delete(dataset_id: UUID, desk: PersonDesk) -> CommandReceipt:
    """Into the trash, from where it can come back for 30 days (`purge_at` says until when)."""
    return CommandReceipt(id=desk(DeleteDataset(dataset_id=dataset_id)).id)


@router.post("/datasets/{dataset_id}/undelete", summary="Restore a dataset from the trash", responses=COMMAND)
def undelete(dataset_id: UUID, desk: PersonDesk, body: Empty | None = None) -> CommandReceipt:
    return CommandReceipt(id=desk(UndeleteDataset(dataset_id=dataset_id)).id)


@router.post("/datasets/{dataset_id}/purge", summary="Permanently delete a dataset in the trash", responses=COMMAND)
def purge_dataset(dataset_id: UUID, body: PurgeConfirmation, desk: PersonDesk) -> CommandReceipt:
    """Out of the trash for good. Images that no other dataset has go; what was trained on it, and its history, stay.

    They take no room in a moment, and an hour later they are nowhere.
    """
    return CommandReceipt(id=desk(PurgeDataset(dataset_id=dataset_id, name=body.name)).id)


@router.post("/projects/{project_id}/purge", summary="Permanently delete a project in the trash", responses=COMMAND)
def purge_project(project_id: UUID, body: PurgeConfirmation, desk: PersonDesk) -> CommandReceipt:
    """Out of the trash for good. Models, checkpoints, logs and what MLflow has of its trainings go; history stays.

    They take no room in a moment, and an hour later they are nowhere.
    """
    return CommandReceipt(id=desk(PurgeProject(project_id=project_id, name=body.name)).id)
