"""What is still to be ended of organizations that are closed, and what is left of those that have ended."""

from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Table, literal, or_, select

from domain.invitation import InvitationStatus
from domain.training import OVER
from projections import dataset, invitation, membership, project, service_account, training_job
from projections.closure import closures
from projections.datasets import datasets
from projections.datasets import offers as offered_datasets
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
_ANY_VERSION: Final[ColumnElement[int]] = literal(0)


class Left(NamedTuple):
    """Something of an organization; where it may begin anew since, `upto` is the version that is meant."""

    id: UUID
    organization_id: UUID
    upto: int


def _left(table: Table, *where: ColumnElement[bool], upto: ColumnElement[int] = _ANY_VERSION) -> Select[Any]:
    (id,), of = table.primary_key, table.c.organization_id
    return select(id, of, upto.label("upto")).join(closures, closures.c.organization_id == of).where(*where)


def _offered(offers: Table) -> Select[Any]:
    """An offer has a position of its own, whatever has become of its thing since."""
    return _left(offers, offers.c.position < closures.c.last_closed, upto=offers.c.version)


# What went on as it closed, also where it was reopened before anybody looked.
TRAININGS: Final = _left(
    jobs,
    # The second is what their workers are refused by, however the clocks of several machines go.
    or_(jobs.c.first_position < closures.c.last_closed, jobs.c.requested_at <= closures.c.last_closed_at),
    jobs.c.status.not_in([each.value for each in OVER]),
)
INVITATIONS: Final = _left(
    invitations,
    # While it is pending, each of its events is a letter: by the position of the last it was meant, or is again.
    invitations.c.position < closures.c.last_closed,
    invitations.c.status == InvitationStatus.PENDING.value,
    upto=invitations.c.letters,
)
OFFERED_PROJECTS: Final = _offered(project.offers)
OFFERED_DATASETS: Final = _offered(offered_datasets)
PROJECTS: Final = _left(projects, _ENDED, projects.c.purged_at.is_(None))
DATASETS: Final = _left(datasets, _ENDED, datasets.c.purged_at.is_(None))
SERVICE_ACCOUNTS: Final = _left(service_accounts, _ENDED, service_accounts.c.deleted_at.is_(None))
# Whoever owns a project stays until that is gone.
MEMBERSHIPS: Final = _left(members, _ENDED, members.c.ended_at.is_(None), members.c.projects_owned == 0)
_ALL: Final = (
    *(TRAININGS, INVITATIONS, OFFERED_PROJECTS, OFFERED_DATASETS),
    *(PROJECTS, DATASETS, SERVICE_ACCOUNTS, MEMBERSHIPS),
)


def is_anything(tx: Connection, now: datetime) -> bool:
    """To do at all: one question, as it is asked again and again."""
    return bool(tx.execute(select(or_(_due(now).exists(), *(each.exists() for each in _ALL)))).scalar())


def list_due(tx: Connection, now: datetime) -> list[UUID]:
    """The organizations whose time is over."""
    return list(tx.execute(_due(now)).scalars())


def list_left(tx: Connection, query: Select[Any], after: UUID) -> list[Left]:
    """A page by id, of what comes behind one that was shown before."""
    id, *_ = query.selected_columns
    return [Left(*row) for row in tx.execute(query.where(id > after).order_by(id).limit(AT_ONCE))]


def _due(now: datetime) -> Select[Any]:
    return select(closures.c.organization_id).where(_CLOSED, closures.c.purge_at <= now)
