"""What the audit log calls things: a small table of names, joined when the log is read."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid, text

from domain.api_token import ApiToken
from domain.dataset import Dataset
from domain.experiment import Experiment
from domain.invitation import Invitation, InvitationType
from domain.membership import Membership
from domain.model import Recorded
from domain.organization import Organization
from domain.project import Project
from domain.second_factor import SecondFactor
from domain.service_account import ServiceAccount
from domain.session import Session
from domain.training_job import TrainingJob
from projections.folding import changed
from projections.model import Key, Row, View, metadata

# A membership has no name of its own, nor has a session or a second factor: it is called as its person is. A service
# account is among these, and acts.
entities: Final = Table(
    "audit_entities",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text),
    Column("person_id", Uuid),
    Column("project_id", Uuid),
    Column("position", BigInteger, nullable=False),
    Index("audit_entities_by_project", "project_id", postgresql_where=text("project_id IS NOT NULL")),
)


_NAMING: Final = frozenset(
    {
        "organization.founded",
        "organization.renamed",
        "session.begun",
        "second_factor.begun",
        "membership.requested",
        "service_account.created",
        "service_account.renamed",
        "api_token.created",
        "invitation.sent",
        "project.created",
        "project.renamed",
        "dataset.created",
        "experiment.created",
        "training_job.requested",
    }
)


def _entity_keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in _NAMING:
        yield (recorded.event.originator_id,)


def _entity(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case (
            Organization.Founded(name=name)
            | ServiceAccount.Created(name=name)
            | ApiToken.Created(name=name)
            | Dataset.Created(name=name)
        ):
            return _called(name)
        case (
            Membership.Requested(person_id=person_id)
            | Session.Begun(person_id=person_id)
            | SecondFactor.Begun(person_id=person_id)
        ):
            return {**_called(None), "person_id": person_id}
        case Invitation.Sent(target_name=name, target_id=target_id, type=type):
            return {**_called(name), "project_id": target_id if type is InvitationType.PROJECT else None}
        case Project.Created(name=name, originator_id=id):
            return {**_called(name), "project_id": id}
        case Project.Renamed(name=name) | Organization.Renamed(name=name) | ServiceAccount.Renamed(name=name):
            return changed(row, name=name)
        case Experiment.Created(name=name, project_id=project_id):
            return {**_called(name), "project_id": project_id}
        case TrainingJob.Requested(recipe=recipe, project_id=project_id):
            return {**_called(f"{recipe.model} ({recipe.framework})"), "project_id": project_id}
    return row


def _called(name: str | None) -> Row:
    return {"name": name, "person_id": None, "project_id": None}


ENTITY_NAMES: Final = View(entities, _entity_keys, _entity, _NAMING)
