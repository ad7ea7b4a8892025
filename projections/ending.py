"""What is still to be ended of organizations that are closed, and what is left of those that have ended."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Select, select

from domain.invitation import InvitationStatus
from domain.training import OVER
from projections import dataset, invitation, membership, project, service_account, training_job
from projections.closure import closures
from projections.datasets import datasets
from projections.invitation import invitations
from projections.jobs import jobs
from projections.membership import members
from projections.project import projects
from projections.service_account import service_accounts

READ: Final = tuple(
    each.PROJECTION.name for each in (dataset, invitation, membership, project, service_account, training_job)
)
"""The read models that are asked here."""
AT_ONCE: Final = 100
_CLOSED: Final = closures.c.closed_at.is_not(None) & closures.c.purged_at.is_(None)
_ENDED: Final = closures.c.purged_at.is_not(None)


def list_due(tx: Connection, now: datetime) -> list[UUID]:
    """The organizations whose time is over."""
    return list(tx.execute(select(closures.c.organization_id).where(_CLOSED, closures.c.purge_at <= now)).scalars())


def list_trainings(tx: Connection) -> list[UUID]:
    """Also of those that have just ended: none is left when a purge asks."""
    unfinished = jobs.c.status.not_in([each.value for each in OVER])
    return _some(tx, _of(jobs.c.id, jobs.c.organization_id).where(_CLOSED | _ENDED, unfinished))


def list_invitations(tx: Connection) -> list[UUID]:
    pending = invitations.c.status == InvitationStatus.PENDING.value
    return _some(tx, _of(invitations.c.id, invitations.c.organization_id).where(_CLOSED | _ENDED, pending))


def list_offered_projects(tx: Connection) -> list[UUID]:
    offered = projects.c.offered_to.is_not(None)
    return _some(tx, _of(projects.c.id, projects.c.organization_id).where(_CLOSED, offered))


def list_offered_datasets(tx: Connection) -> list[UUID]:
    offered = datasets.c.offered_to.is_not(None)
    return _some(tx, _of(datasets.c.id, datasets.c.organization_id).where(_CLOSED, offered))


def list_projects(tx: Connection) -> list[UUID]:
    return _left(tx, projects.c.id, projects.c.organization_id, projects.c.purged_at.is_(None))


def list_datasets(tx: Connection) -> list[UUID]:
    return _left(tx, datasets.c.id, datasets.c.organization_id, datasets.c.purged_at.is_(None))


def list_service_accounts(tx: Connection) -> list[UUID]:
    of = service_accounts.c.organization_id
    return _left(tx, service_accounts.c.id, of, service_accounts.c.deleted_at.is_(None))


def list_memberships(tx: Connection) -> list[UUID]:
    """Of who owns no project any more."""
    there = members.c.ended_at.is_(None) & (members.c.projects_owned == 0)
    return _left(tx, members.c.id, members.c.organization_id, there)


def _left(tx: Connection, id: Column[UUID], of: Column[UUID], there: ColumnElement[bool]) -> list[UUID]:
    return _some(tx, _of(id, of).where(_ENDED, there))


def _of(id: Column[UUID], organization_id: Column[UUID]) -> Select[UUID]:
    return select(id).join(closures, closures.c.organization_id == organization_id)


def _some(tx: Connection, query: Select[UUID]) -> list[UUID]:
    return list(tx.execute(query.limit(AT_ONCE)).scalars())
