"""The audit log over HTTP: mine, the organization's, that of one project and all that is in it, that of one thing."""

from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from sqlalchemy import Connection

from api import errors
from api.reading import After, Auditor, Known, Limit, Witness, reads
from domain.errors import Forbidden, Invalid, NotFound
from domain.membership import membership_id
from domain.roles import Permission, reach
from domain.second_factor import second_factor_id
from domain.values import Line, Slug
from projections import audit, dataset, invitation, project, training_job
from projections.audit import AuditRow, list_entries
from projections.audit_words import EVERY_ACTION, EVERY_TYPE
from projections.dataset import find_dataset
from projections.paging import Page
from projections.project import find_project
from projections.training_job import find_job

router = APIRouter(prefix="/audit", tags=["audit"])
_SHOWN = audit.PROJECTION, dataset.PROJECTION, invitation.PROJECTION, training_job.PROJECTION
Reading = Annotated[Connection, reads(*_SHOWN)]
ReadingProjects = Annotated[Connection, reads(*_SHOWN, project.PROJECTION)]
ANSWERS = errors.responses(401, 403, 404, 422, 503)
# Of these every member may read. Whatever else there comes to be is for auditors, and for whoever it is about.
OPEN: Final = frozenset({"project", "dataset", "experiment", "training_job"})


class AuditEntry(AuditRow):
    """An entry, and the same in words."""

    sentence: str


def known(noun: str, word: str | None, words: Sequence[str]) -> str | None:
    """An unknown one would only find nothing, as if nothing had happened. Raises Invalid."""
    if word is not None and word not in words:
        raise Invalid(f"there is no {noun} {word[:50]!r}; there are: {', '.join(words)}")
    return word


def filters(
    action: Annotated[Line | None, Query(max_length=100, description=f"One of: {', '.join(EVERY_ACTION)}")] = None,
    entity_type: Annotated[Slug | None, Query(description=f"One of: {', '.join(EVERY_TYPE)}")] = None,
    start_date: AwareDatetime | None = None,
    end_date: AwareDatetime | None = None,
    noisy: bool = False,
    after: After = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """`start_date` is included and `end_date` is not; bookkeeping and reports by epoch come with `noisy`."""
    given = {"action": known("action", action, EVERY_ACTION), "start": start_date, "end": end_date}
    given |= {"entity_type": known("entity type", entity_type, EVERY_TYPE)}
    return given | {"noisy": noisy, "after": after, "limit": limit}


Filters = Annotated[dict[str, Any], Depends(filters)]


@router.get("/me", summary="List audit entries of your own actions", responses=ANSWERS)
def mine(member: Witness, tx: Reading, filters: Filters) -> Page[AuditEntry]:
    return _entries(tx, member, viewer=None, actor_id=member.caller.id, **filters)


@router.get("/organization", summary="List audit entries of your organization", responses=ANSWERS)
def of_organization(auditor: Auditor, tx: Reading, filters: Filters) -> Page[AuditEntry]:
    return _entries(tx, auditor, viewer=auditor.viewer, **filters)


@router.get("/project/{project_id}", summary="List audit entries of a project", responses=ANSWERS)
def of_project(project_id: UUID, member: Witness, tx: ReadingProjects, filters: Filters) -> Page[AuditEntry]:
    """What was done to the project, and to the experiments and trainings in it."""
    if find_project(tx, member.organization_id, project_id) is None:
        raise NotFound(f"there is no project {project_id}")
    return _entries(tx, member, viewer=member.viewer, project_id=project_id, **filters)


@router.get("/entity/{type}/{id}", summary="List audit entries of an entity", responses=ANSWERS)
def of_entity(type: Slug, id: UUID, member: Witness, tx: Reading, filters: Filters) -> Page[AuditEntry]:
    known("entity type", type, EVERY_TYPE)
    _must_be_open_to(member, type, id, tx)
    it: dict[str, Any] = {"viewer": member.viewer, "entity_type": type, "entity_id": id}
    page = _entries(tx, member, **(filters | it))
    if not page.items and not list_entries(tx, member.organization_id, **it, noisy=True, limit=1).items:
        raise NotFound(f"there is no {type.replace('_', ' ')} {id} in the log of your organization")
    return page


def _must_be_open_to(member: Known, type: str, id: UUID, tx: Connection) -> None:
    if type not in OPEN and id not in _own(member) and not _may_audit(member):
        raise Forbidden(f"the role {member.role} does not include {Permission.READ_AUDIT} on what is about people")
    if type == "dataset" and find_dataset(tx, member.organization_id, id, viewer=member.viewer) is None:
        raise NotFound(f"there is no dataset {id}")
    if type == "training_job" and find_job(tx, member.organization_id, id, viewer=member.viewer) is None:
        raise NotFound(f"there is no training job {id}")


def _own(member: Known) -> tuple[UUID, ...]:
    me = member.caller.id
    return me, membership_id(member.organization_id, me), second_factor_id(me)


def _may_audit(member: Known) -> bool:
    return reach(member.role, Permission.READ_AUDIT) is not None


def _entries(tx: Connection, member: Known, **wanted: Any) -> Page[AuditEntry]:
    page = list_entries(tx, member.organization_id, **wanted)
    return Page([_shown(row, member) for row in page.items], page.next)


def _shown(row: AuditRow, member: Known) -> AuditEntry:
    """Where somebody else's request came from is for those who audit."""
    open_to = _may_audit(member) or row.actor_id == member.caller.id
    hidden = {} if open_to else {"address": None, "agent": None, "actor_email": None}
    return AuditEntry(**(dict(row) | hidden), sentence=row.description)
