"""Where a model comes from, in one answer."""

from uuid import UUID

from sqlalchemy import Connection

from domain.api_token import OwnerKind
from domain.values import Value
from projections.attempt import AttemptRow, list_attempts
from projections.dataset import DatasetRow, find_dataset
from projections.experiment import ExperimentRow, find_experiment
from projections.membership import find_member_of_person
from projections.models import ModelRow, find_model
from projections.project import ProjectRow, find_project
from projections.service_account import find_service_account
from projections.training_job import JobRow, find_job


class Owner(Value):
    """Who asked for the training: by the avatar's name to everybody, by name and e-mail to who may read members.

    A service account stands there under its name.
    """

    person_id: UUID
    kind: OwnerKind
    avatar_name: str
    full_name: str | None
    email: str | None


class Lineage(Value):
    """Images and split are fixed by `job.snapshot` (their hashes), everything else that was chosen by `job.recipe`.

    Each attempt says on what device and in what environment it ran, and from which checkpoint. `parent` is the model
    whose weights this one began with. What another read model has not seen yet is None, and so is a parent that was
    trained on somebody else's private dataset.
    """

    model: ModelRow
    job: JobRow
    attempts: tuple[AttemptRow, ...]
    owner: Owner | None
    project: ProjectRow | None
    experiment: ExperimentRow | None
    dataset: DatasetRow | None
    parent: ModelRow | None


def find_lineage(
    tx: Connection, organization_id: UUID, model_id: UUID, *, viewer: UUID | None, named: bool = False
) -> Lineage | None:
    """With a viewer, what is not shown to it is left out; `named` gives the owner's name and e-mail."""
    model = find_model(tx, organization_id, model_id, viewer=viewer)
    job = find_job(tx, organization_id, model.job_id, viewer=viewer) if model else None
    if model is None or job is None:
        return None
    parent = job.recipe.weights.model_id
    return Lineage(
        model=model,
        job=job,
        attempts=tuple(list_attempts(tx, organization_id, job.id)),
        owner=_owner(tx, organization_id, job.owner_id, named),
        project=find_project(tx, organization_id, job.project_id),
        experiment=find_experiment(tx, organization_id, job.experiment_id, viewer=viewer),
        dataset=find_dataset(tx, organization_id, job.dataset_id, viewer=viewer),
        parent=find_model(tx, organization_id, parent, viewer=viewer) if parent else None,
    )


def _owner(tx: Connection, organization_id: UUID, person_id: UUID, named: bool) -> Owner | None:
    if (account := find_service_account(tx, organization_id, person_id)) is not None:
        return Owner(person_id=person_id, kind=OwnerKind.SERVICE, avatar_name=account.name, full_name=None, email=None)
    if (member := find_member_of_person(tx, organization_id, person_id)) is None:
        return None
    return Owner(
        person_id=person_id,
        kind=OwnerKind.PERSON,
        avatar_name=member.avatar_name,
        full_name=member.full_name if named else None,
        email=member.email if named else None,
    )
