"""People, organizations, and who is a member of what with which role.

A personal value stands here as text, or as `[erased]` once its key is gone and the table was made anew.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Connection, DateTime, Index, Select, Table, Text, Uuid, select, text

from domain.membership import Membership
from domain.model import Recorded
from domain.organization import Admission, Organization
from domain.person import Person
from domain.roles import Role
from domain.values import Value
from projections import closure, second_factor, topics
from projections.folding import changed
from projections.model import Key, Projection, Row, View, about, metadata
from projections.paging import Page, first, newest

# What somebody is called, for who looks for a part of it.
CALLED: Final = ("full_name", "email", "avatar_name")
people: Final = Table(
    "people",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False, info=about("id")),
    Column("full_name", Text, nullable=False, info=about("id")),
    Column("avatar_name", Text, nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("operator", Boolean, nullable=False),
    Column("erasure_due_at", DateTime(timezone=True)),
    Column("erased_at", DateTime(timezone=True)),
    Column("position", BigInteger, nullable=False),
    Index("people_leaving", "erasure_due_at", postgresql_where=text("erasure_due_at IS NOT NULL")),
    Index("people_called", *CALLED, postgresql_using="gin", postgresql_ops=dict.fromkeys(CALLED, "gin_trgm_ops")),
)

organizations: Final = Table(
    "organizations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("company", Text, nullable=False),
    Column("division", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("admission", Text, nullable=False),
    Column("max_users", BigInteger, nullable=False),
    Column("max_storage_gb", BigInteger, nullable=False),
    Column("max_gpu_hours_per_month", BigInteger, nullable=False),
    Column("seats", BigInteger, nullable=False),
    Column("admins", BigInteger, nullable=False),
    Column("founded_at", DateTime(timezone=True), nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
)

members: Final = Table(
    "members",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("role", Text),
    Column("projects_owned", BigInteger, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("approved_at", DateTime(timezone=True)),
    Column("approved_by", Uuid),
    Column("deactivated_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("members_by_organization", "organization_id", "first_position"),
    Index("members_by_person", "person_id"),
)


class MemberRow(Value):
    id: UUID
    organization_id: UUID
    person_id: UUID
    email: str
    full_name: str
    avatar_name: str
    role: Role | None
    projects_owned: int
    requested_at: datetime
    approved_at: datetime | None
    approved_by: UUID | None
    deactivated_at: datetime | None
    first_position: int
    position: int

    @property
    def status(self) -> Literal["active", "waiting", "deactivated"]:
        if self.deactivated_at:
            return "deactivated"
        return "active" if self.role else "waiting"


class OrganizationRow(Value):
    """`seats` counts its members, `admins` those of them who are."""

    id: UUID
    company: str
    division: str
    name: str
    admission: Admission
    max_users: int
    max_storage_gb: int
    max_gpu_hours_per_month: int
    seats: int
    admins: int
    founded_at: datetime
    first_position: int
    position: int


def _person_keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in topics.PERSON - topics.RETIRED:
        yield (recorded.event.originator_id,)


def _person(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Person.Registered() as event:
            return {
                "email": str(event.email),
                "full_name": str(event.full_name),
                "avatar_name": event.avatar_name,
                "registered_at": recorded.envelope.decided_at,
                "operator": False,
                "erasure_due_at": None,
                "erased_at": None,
            }
        case Person.Renamed(full_name=full_name):
            return changed(row, full_name=str(full_name))
        case Person.EmailChanged(email=email):
            return changed(row, email=str(email))
        case Person.OperatorAppointed():
            return changed(row, operator=True)
        case Person.OperatorDismissed():
            return changed(row, operator=False)
        case Person.ErasureRequested(due_at=due_at):
            return changed(row, erasure_due_at=due_at)
        case Person.ErasureCancelled():
            return changed(row, erasure_due_at=None)
        case Person.Erased():
            return changed(row, operator=False, erasure_due_at=None, erased_at=recorded.envelope.decided_at)
    return row


def _organization_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case (
            Organization.Founded(originator_id=id)
            | Organization.Renamed(originator_id=id)
            | Organization.AdmissionChanged(originator_id=id)
            | Organization.QuotasChanged(originator_id=id)
            | Organization.SeatTaken(originator_id=id)
            | Organization.SeatReleased(originator_id=id)
            | Organization.AdminAdded(originator_id=id)
            | Organization.AdminRemoved(originator_id=id)
        ):
            yield (id,)


def _organization(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Organization.Founded() as event:
            return {
                "company": event.company,
                "division": event.division,
                "name": event.name,
                "admission": event.admission.value,
                **event.quotas.model_dump(),
                "seats": 0,
                "admins": 0,
                "founded_at": recorded.envelope.decided_at,
                "first_position": recorded.position,
            }
        case Organization.Renamed(name=name):
            return changed(row, name=name)
        case Organization.AdmissionChanged(admission=admission):
            return changed(row, admission=admission.value)
        case Organization.QuotasChanged(quotas=quotas):
            return changed(row, **quotas.model_dump())
        case Organization.SeatTaken():
            return changed(row, seats=changed(row)["seats"] + 1)
        case Organization.SeatReleased():
            return changed(row, seats=changed(row)["seats"] - 1)
        case Organization.AdminAdded():
            return changed(row, admins=changed(row)["admins"] + 1)
        case Organization.AdminRemoved():
            return changed(row, admins=changed(row)["admins"] - 1)
    return row


def _member_keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case (
            Membership.Requested(originator_id=id)
            | Membership.Approved(originator_id=id)
            | Membership.RoleChanged(originator_id=id)
            | Membership.Deactivated(originator_id=id)
            | Membership.Reactivated(originator_id=id)
            | Membership.Ended(originator_id=id)
            | Membership.ProjectOwned(originator_id=id)
            | Membership.ProjectReleased(originator_id=id)
        ):
            yield (id,)


def _member(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Membership.Requested() as event:
            return {
                "organization_id": event.organization_id,
                "person_id": event.person_id,
                "role": None,
                "projects_owned": 0,
                "requested_at": recorded.envelope.decided_at,
                "approved_at": None,
                "approved_by": None,
                "deactivated_at": None,
                "ended_at": None,
                "first_position": recorded.position,
            }
    return changed(row, **_changes(row, recorded))


def _changes(row: Row | None, recorded: Recorded) -> dict[str, Any]:
    at = recorded.envelope.decided_at
    match recorded.event:
        case Membership.Approved(role=role):
            approver = recorded.envelope.on_behalf_of or recorded.envelope.actor.id
            return {"role": role.value, "ended_at": None, "approved_at": at, "approved_by": approver}
        case Membership.RoleChanged(role=role):
            return {"role": role.value}
        case Membership.Deactivated():
            return {"deactivated_at": at}
        case Membership.Reactivated():
            return {"deactivated_at": None}
        case Membership.Ended():
            return {"role": None, "deactivated_at": None, "ended_at": at}
        case Membership.ProjectOwned():
            return {"projects_owned": changed(row)["projects_owned"] + 1}
        case Membership.ProjectReleased():
            return {"projects_owned": changed(row)["projects_owned"] - 1}
    return {}


PROJECTION: Final = Projection(
    "membership",
    (
        View(people, _person_keys, _person, topics.PERSON - topics.RETIRED),
        View(organizations, _organization_keys, _organization, topics.ORGANIZATION - topics.SERVICE_ACCOUNTS_OF),
        View(members, _member_keys, _member, topics.MEMBERSHIP),
        *(closure.VIEW, *second_factor.VIEWS),
    ),
)


def of_organization(organization_id: UUID) -> Select[tuple[object, ...]]:
    """A person is seen through a membership only, so an organization sees nobody but its own."""
    who = (people.c[each] for each in CALLED)
    joined = members.join(people, people.c.id == members.c.person_id)
    columns = [column for column in members.c if column.name != "ended_at"]
    there = members.c.organization_id == organization_id, members.c.ended_at.is_(None)
    return select(*columns, *who).select_from(joined).where(*there)


def find_organization(tx: Connection, id: UUID) -> OrganizationRow | None:
    return first(tx, select(organizations).where(organizations.c.id == id), OrganizationRow)


def find_member_of_person(tx: Connection, organization_id: UUID, person_id: UUID) -> MemberRow | None:
    return first(tx, of_organization(organization_id).where(members.c.person_id == person_id), MemberRow)


def list_members(
    tx: Connection, organization_id: UUID, *, waiting: bool | None = None, after: int | None = None, limit: int = 50
) -> Page[MemberRow]:
    """`waiting` leaves only those who wait for approval, or only those who do not."""
    query = of_organization(organization_id)
    if waiting is not None:
        query = query.where(members.c.role.is_(None) if waiting else members.c.role.is_not(None))
    return newest(tx, query, members.c.first_position, MemberRow, after, limit)
