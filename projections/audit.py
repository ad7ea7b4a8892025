"""The audit log: who did what to what, old and new. A reading of the event stream, one entry an event."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Index,
    Select,
    Table,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from domain.model import PLATFORM, Recorded
from domain.values import Erased, Value
from projections import audit_people
from projections.audit_changes import changes
from projections.audit_names import ENTITY_NAMES, entities
from projections.audit_people import called, called_otherwise, names, was_away
from projections.audit_words import ACTIONS, ALWAYS_NOISY, NOISY, sentence
from projections.invitation import of_invitation
from projections.model import Key, Projection, Row, View, about, metadata
from projections.paging import Page, newest
from projections.shown import of_dataset, of_job

_BEFORE_ALL: Final = 0
_BEHIND_ALL: Final = 2**63 - 1
FEW_THINGS: Final = 1_000

entries: Final = Table(
    "audit_entries",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("organization_id", Uuid),
    Column("project_id", Uuid),
    Column("topic", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("entity_type", Text, nullable=False),
    Column("entity_id", Uuid, nullable=False),
    Column("person_id", Uuid),
    Column("of_person", Uuid),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Uuid, nullable=False),
    Column("actor_role", Text),
    Column("on_behalf_of", Uuid),
    Column("address", Text, info=about("actor_id")),
    Column("agent", Text, info=about("actor_id")),
    Column("changes", JSONB, nullable=False),
    Column("noisy", Boolean, nullable=False),
    Column("command_id", Uuid, nullable=False),
    Column("correlation_id", Uuid, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Index("audit_by_organization", "organization_id", "position"),
    Index("audit_without_noise", "organization_id", "position", postgresql_where=text("NOT noisy")),
    Index("audit_by_action", "organization_id", "action", "position"),
    Index("audit_by_type", "organization_id", "entity_type", "position"),
    Index("audit_by_time", "organization_id", "recorded_at", "position"),
    Index("audit_by_entity", "entity_id", "position"),
    Index("audit_by_actor", "actor_id", "position"),
    Index("audit_by_project", "project_id", "position", postgresql_where=text("project_id IS NOT NULL")),
)


class AuditRow(Value):
    """`actor_role` is the role as it was then; names are today's, or `[erased]`. `changes`: field → old and new.

    Of whoever left the organization, names and address are those of when they left.

    `person_id` is whom the event names beside who acts and the thing, where it names somebody.
    """

    position: int
    organization_id: UUID
    project_id: UUID | None
    topic: str
    action: str
    entity_type: str
    entity_id: UUID
    entity_name: str | None
    person_id: UUID | None
    person_name: str | None
    actor_kind: str
    actor_id: UUID
    actor_name: str | None
    actor_email: str | None
    actor_role: str | None
    on_behalf_of: UUID | None
    address: str | None
    agent: str | None
    changes: dict[str, dict[str, Any]]
    noisy: bool
    command_id: UUID
    correlation_id: UUID
    decided_at: datetime
    recorded_at: datetime

    @property
    def description(self) -> str:
        """In words, for people to read."""
        who = {
            "worker": f"the trainer {self.actor_role}",
            "system": "the platform",
            "service": f"the service account {self.actor_name or self.actor_id}",
        }.get(self.actor_kind, self.actor_name or f"{self.actor_kind} {self.actor_id}")
        role = f" ({self.actor_role})" if self.actor_role and self.actor_kind in ("person", "service") else ""
        whom = self.person_name or str(self.person_id)
        of_oneself, invited = self.person_id == self.actor_id, self.on_behalf_of is not None
        return sentence(self.topic, who + role, self._what, self.changes, whom, of_oneself, invited)

    @property
    def _what(self) -> str:
        """Many trainings are called as their model is."""
        id = str(self.entity_id)
        if self.entity_type == "training_job" and self.entity_name:
            return f"{self.entity_name} {id}"
        return self.entity_name or id


def _keys(recorded: Recorded) -> Iterable[Key]:
    yield (recorded.position,)


def _fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    envelope, event = recorded.envelope, recorded.event
    context = envelope.context
    return {
        "organization_id": organization_of(recorded),
        "project_id": getattr(event, "project_id", None),
        "topic": recorded.topic,
        "action": ACTIONS[recorded.topic],
        "entity_type": recorded.topic.partition(".")[0],
        "entity_id": event.originator_id,
        "person_id": getattr(event, "person_id", None),
        "of_person": _of_person(recorded),
        "actor_kind": envelope.actor.kind,
        "actor_id": envelope.actor.id,
        "actor_role": envelope.actor.role,
        "on_behalf_of": envelope.on_behalf_of,
        "address": str(context) if isinstance(context, Erased) else context and context.address,
        "agent": str(context) if isinstance(context, Erased) else context and context.agent,
        "changes": changes(event),
        "noisy": recorded.topic in NOISY,
        "command_id": envelope.command,
        "correlation_id": envelope.correlation,
        "decided_at": envelope.decided_at,
        "recorded_at": recorded.recorded_at,
    }


def organization_of(recorded: Recorded) -> UUID | None:
    """Whose wall the entry stands behind; what a person does at the door belongs to the organization it names."""
    if recorded.envelope.organization != PLATFORM:
        return recorded.envelope.organization
    return getattr(recorded.event, "organization_id", None)


def _of_person(recorded: Recorded) -> UUID | None:
    """Whose own it is, where it stands behind no organization's wall."""
    if recorded.envelope.organization != PLATFORM:
        return None
    return getattr(recorded.event, "person_id", recorded.event.originator_id)


PROJECTION: Final = Projection("audit", (View(entries, _keys, _fold), ENTITY_NAMES, *audit_people.VIEWS))


def list_entries(
    tx: Connection,
    organization_id: UUID,
    *,
    viewer: UUID | None,
    actor_id: UUID | None = None,
    entity_type: str | None = None,
    entity_id: UUID | None = None,
    action: str | None = None,
    project_id: UUID | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    noisy: bool = False,
    after: int | None = None,
    limit: int = 50,
) -> Page[AuditRow]:
    """The newest first; `start` is included and `end` is not.

    Bookkeeping and reports by epoch come with `noisy`, or where an action that is nothing else is asked for.
    """
    query = _named(organization_id).where(_shown_to(viewer), _of_its_members(organization_id))
    exact = {"actor_id": actor_id, "entity_type": entity_type, "entity_id": entity_id, "action": action}
    query = query.where(*(entries.c[name] == value for name, value in exact.items() if value is not None))
    if not noisy and action not in ALWAYS_NOISY:
        query = query.where(entries.c.noisy.is_(False))
    first = _BEFORE_ALL if start is None else _edge(tx, organization_id, start)
    last = _BEHIND_ALL if end is None else _edge(tx, organization_id, end, before=True)
    last = last if after is None else min(last, after - 1)
    if project_id is not None:
        query = query.where(_of_project(tx, project_id))
    return newest(tx, query.where(_between(first, last)), entries.c.position, AuditRow, None, limit)


def _of_project(tx: Connection, project_id: UUID) -> ColumnElement[bool]:
    """What happened to few things is gathered by thing; what happened to many is met soon among the newest entries."""
    things = select(entities.c.id).where(entities.c.project_id == project_id)
    few = tx.execute(things.limit(FEW_THINGS + 1)).scalars().all()
    if len(few) > FEW_THINGS:
        return or_(entries.c.project_id == project_id, entities.c.project_id == project_id)
    return or_(entries.c.project_id == project_id, entries.c.entity_id == any_(literal(few, ARRAY(Uuid))))


def _shown_to(viewer: UUID | None) -> ColumnElement[bool]:
    of, id = entries.c.entity_type, entries.c.entity_id
    return case(
        (of == "dataset", of_dataset(id, viewer)),
        (of == "training_job", of_job(id, viewer)),
        (of == "invitation", of_invitation(id, viewer)),
        else_=true(),
    )


def _of_its_members(organization_id: UUID) -> ColumnElement[bool]:
    """What is a person's own, as signing in is, is the organization's to read of the time in which it was a member."""
    of_person = entries.c.of_person
    return or_(of_person.is_(None), not_(was_away(of_person, organization_id, entries.c.position)))


def _edge(tx: Connection, organization_id: UUID, moment: datetime, *, before: bool = False) -> int:
    """Times never go back, so a time is a place: a page of long ago is found without reading what came since."""
    at, place = entries.c.recorded_at, entries.c.position
    when, order = (at < moment, (at.desc(), place.desc())) if before else (at >= moment, (at, place))
    within = select(place).where(entries.c.organization_id == organization_id, when)
    found = tx.execute(within.order_by(*order).limit(1)).scalar()
    return (_BEFORE_ALL if before else _BEHIND_ALL) if found is None else found


def _between(first: int, last: int) -> ColumnElement[bool]:
    """Both are written into the statement as numbers.

    Where PostgreSQL does not know one of them, it expects next to nothing between them, and gathers and sorts all that
    lies there for the sake of one page.
    """
    here, there = (bindparam(None, edge, BigInteger, literal_execute=True) for edge in (first, last))
    return entries.c.position.between(here, there)


def _named(organization_id: UUID) -> Select[tuple[object, ...]]:
    """Names are joined when the log is read, so that one key destroyed and one row made anew erase them everywhere."""
    subject = func.coalesce(entities.c.person_id, entries.c.entity_id)
    name = partial(called, names.c.full_name, organization_id=organization_id)
    service_acting, service_about = entities.alias("service_acting"), entities.alias("service_about")
    joined = (
        entries.outerjoin(entities, entities.c.id == entries.c.entity_id)
        .outerjoin(service_acting, service_acting.c.id == entries.c.actor_id)
        .outerjoin(service_about, service_about.c.id == entries.c.person_id)
    )
    columns = [column for column in entries.c if column.name not in ("project_id", "of_person", "changes")]
    otherwise = called_otherwise(entries.c.topic, entries.c.entity_id, entries.c.position)
    return (
        select(
            *columns,
            entries.c.changes.concat(otherwise).label("changes"),
            func.coalesce(entries.c.project_id, entities.c.project_id).label("project_id"),
            func.coalesce(entities.c.name, name(subject)).label("entity_name"),
            func.coalesce(name(entries.c.person_id), service_about.c.name).label("person_name"),
            func.coalesce(name(entries.c.actor_id), service_acting.c.name).label("actor_name"),
            called(names.c.email, entries.c.actor_id, organization_id).label("actor_email"),
        )
        .select_from(joined)
        .where(entries.c.organization_id == organization_id)
    )
