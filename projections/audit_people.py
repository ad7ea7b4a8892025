"""Who people are to an organization in its audit log: as they are called now, or were when they left it."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    ScalarSelect,
    Table,
    Text,
    Uuid,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.membership import Membership
from domain.model import Recorded
from domain.person import Person
from projections.folding import changed
from projections.model import Key, Row, View, about, metadata

names: Final = Table(
    "audit_people",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("full_name", Text, info=about("id")),
    Column("email", Text, info=about("id")),
)

# `left_at` is where one ended that did not begin anew since; `away` leads from each other end to where it did.
memberships: Final = Table(
    "audit_memberships",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("left_at", BigInteger),
    Column("away", JSONB, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("audit_memberships_of", "person_id", "organization_id"),
)

_CALLING: Final = frozenset({"person.registered", "person.renamed", "person.email_changed"})
# By which events somebody is called otherwise; what else there is to an event about a person is in `audit_changes`.
_CALLED: Final[tuple[tuple[Column[Any], frozenset[str]], ...]] = (
    (names.c.full_name, frozenset({"person.registered", "person.renamed"})),
    (names.c.email, frozenset({"person.registered", "person.email_changed"})),
)
_BELONGING: Final = frozenset({"membership.requested", "membership.approved", "membership.ended"})


def _name_keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in _CALLING:
        yield (recorded.event.originator_id, recorded.position)


def _name(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Person.Registered(full_name=full_name, email=email):
            return {"full_name": str(full_name), "email": str(email)}
        case Person.Renamed(full_name=full_name):
            return {"full_name": str(full_name), "email": None}
        case Person.EmailChanged(email=email):
            return {"full_name": None, "email": str(email)}
    return row


def _membership_keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in _BELONGING:
        yield (recorded.event.originator_id,)


def _membership(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Membership.Requested(organization_id=organization_id, person_id=person_id):
            return {"organization_id": organization_id, "person_id": person_id, "left_at": None, "away": []}
        case Membership.Ended():
            return changed(row, left_at=recorded.position)
    left_at = changed(row)["left_at"]
    if left_at is None:
        return row
    return changed(row, left_at=None, away=[*changed(row)["away"], [left_at, recorded.position]])


VIEWS: Final = (
    View(names, _name_keys, _name, _CALLING),
    View(memberships, _membership_keys, _membership, _BELONGING),
)


def called(
    column: ColumnElement[str | None], person_id: ColumnElement[UUID], organization_id: UUID
) -> ScalarSelect[str | None]:
    """The name or the address of a person, to an organization: what it became after they left is not its to know."""
    of = memberships.alias()
    left = select(of.c.left_at).where(of.c.person_id == person_id, of.c.organization_id == organization_id)
    until = func.coalesce(left.correlate_except(of).scalar_subquery(), names.c.position)
    known = names.c.id == person_id, column.is_not(None), names.c.position <= until
    newest = select(column).where(*known).order_by(names.c.position.desc()).limit(1)
    return newest.correlate_except(names).scalar_subquery()


def called_otherwise(
    topic: ColumnElement[str], person_id: ColumnElement[UUID], position: ColumnElement[int]
) -> ColumnElement[Any]:
    """The old and the new name or address, where the event at that position is of one; `[erased]` after an erasure."""
    changes = [
        case((topic.in_(topics), _old_and_new(column, person_id, position)), else_=literal_column("'{}'::jsonb"))
        for column, topics in _CALLED
    ]
    return changes[0].op("||", return_type=JSONB())(changes[1])


def _old_and_new(
    column: Column[Any], person_id: ColumnElement[UUID], position: ColumnElement[int]
) -> ColumnElement[Any]:
    until = names.c.id == person_id, column.is_not(None)
    new = select(column).where(*until, names.c.position == position)
    before = select(column).where(*until, names.c.position < position).order_by(names.c.position.desc()).limit(1)
    old, now = (each.correlate_except(names).scalar_subquery() for each in (before, new))
    word = {each: cast(each, Text) for each in (column.name, "old", "new")}  # a bare parameter has no type there
    change = func.jsonb_build_object(word["old"], old, word["new"], now)
    return func.jsonb_build_object(word[column.name], change, type_=JSONB)


def was_away(
    person_id: ColumnElement[UUID], organization_id: UUID, position: ColumnElement[int]
) -> ColumnElement[bool]:
    """Whether the person had left the organization at that position, and had not come back."""
    of = memberships.alias()
    between = func.jsonb_array_elements(of.c.away).table_valued("value").render_derived()
    edge = [cast(cast(between.c.value, JSONB)[n].astext, BigInteger) for n in (0, 1)]
    then = select(between.c.value).where(position.between(edge[0], edge[1])).correlate_except(between).exists()
    whose = of.c.person_id == person_id, of.c.organization_id == organization_id
    return select(of.c.id).where(*whose, or_(position >= of.c.left_at, then)).correlate_except(of).exists()
