"""The invitations of an organization: into what, as what, by whom, and what became of each.

To whom one went stands here while it is pending, as does what the letter says; from then on both read `[erased]`.
"""

from collections.abc import Iterable
from datetime import datetime
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
    Table,
    Text,
    Uuid,
    exists,
    or_,
    select,
    true,
)

from domain.invitation import CancelReason, Invitation, InvitationStatus, InvitationType
from domain.model import Recorded
from domain.values import Erased, Value
from projections.folding import changed
from projections.model import Key, Projection, Row, View, about, metadata
from projections.paging import Page, newest
from projections.shown import of_dataset
from projections.topics import INVITATION

invitations: Final = Table(
    "invitations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("target_id", Uuid, nullable=False),
    Column("target_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("inviter_id", Uuid, nullable=False),
    Column("email", Text, nullable=False, info=about("id")),
    Column("message", Text, nullable=False, info=about("id")),
    Column("for_anyone", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("person_id", Uuid),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Column("letters", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("invitations_by_organization", "organization_id", "first_position"),
    Index("invitations_by_inviter", "inviter_id", "first_position"),
    Index("invitations_by_target", "target_id", "first_position"),
    Index("invitations_by_status", "organization_id", "status", "first_position"),
)


class InvitationRow(Value):
    """`person_id` is who accepted; `email` and `message` read `[erased]` once it is over; `letters` counts them."""

    id: UUID
    organization_id: UUID
    type: InvitationType
    target_id: UUID
    target_name: str
    role: str
    inviter_id: UUID
    email: str
    message: str
    for_anyone: bool
    status: InvitationStatus
    reason: CancelReason | None
    person_id: UUID | None
    sent_at: datetime
    letters: int
    expires_at: datetime
    ended_at: datetime | None
    first_position: int
    position: int


def _keys(recorded: Recorded) -> Iterable[Key]:
    if recorded.topic in INVITATION:
        yield (recorded.event.originator_id,)


def _fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    match recorded.event:
        case Invitation.Sent() as event:
            return _sent(event, recorded)
        case Invitation.Resent(expires_at=expires_at):
            return changed(row, expires_at=expires_at, letters=changed(row)["letters"] + 1)
        case Invitation.Accepted(person_id=person_id):
            return _over(row, recorded, InvitationStatus.ACCEPTED, person_id=person_id)
        case Invitation.Declined():
            return _over(row, recorded, InvitationStatus.DECLINED)
        case Invitation.Expired():
            return _over(row, recorded, InvitationStatus.EXPIRED)
        case Invitation.Cancelled(reason=reason):
            return _over(row, recorded, InvitationStatus.CANCELLED, reason=reason.value)
    return row


def _sent(event: Invitation.Sent, recorded: Recorded) -> Row:
    return {
        "organization_id": event.organization_id,
        "type": event.type.value,
        "target_id": event.target_id,
        "target_name": event.target_name,
        "role": event.role,
        "inviter_id": event.inviter_id,
        "email": str(event.email),
        "message": str(event.message),
        "for_anyone": event.for_anyone,
        "status": InvitationStatus.PENDING.value,
        "reason": None,
        "person_id": None,
        "sent_at": recorded.envelope.decided_at,
        "letters": 1,
        "expires_at": event.expires_at,
        "ended_at": None,
        "first_position": recorded.position,
    }


def _over(row: Row | None, recorded: Recorded, status: InvitationStatus, **more: Any) -> Row:
    """What is personal goes at this position, whether its key was there when it was read or not."""
    gone = {"email": str(Erased()), "message": str(Erased())}
    return changed(row, status=status.value, ended_at=recorded.envelope.decided_at, **gone, **more)


PROJECTION: Final = Projection(
    "invitation",
    (View(invitations, _keys, _fold, INVITATION),),
)


def _shown_to(viewer: UUID | None) -> ColumnElement[bool]:
    """A private dataset is not named to whom it is hidden from, unless they sent the invitation themselves."""
    if viewer is None:
        return true()
    is_open = invitations.c.type != InvitationType.DATASET.value, of_dataset(invitations.c.target_id, viewer)
    return or_(*is_open, invitations.c.inviter_id == viewer)


def of_invitation(invitation_id: ColumnElement[UUID], viewer: UUID | None) -> ColumnElement[bool]:
    """Of what came of one; one that its read model has not seen yet is nobody's but the admins'."""
    return true() if viewer is None else exists().where(invitations.c.id == invitation_id, _shown_to(viewer))


def list_invitations(
    tx: Connection,
    organization_id: UUID,
    *,
    viewer: UUID | None,
    inviter_id: UUID | None = None,
    target_id: UUID | None = None,
    status: InvitationStatus | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[InvitationRow]:
    """Of one who sent them, or of everybody; into anything, or into one thing."""
    query = select(invitations).where(invitations.c.organization_id == organization_id, _shown_to(viewer))
    exact = {"inviter_id": inviter_id, "target_id": target_id, "status": status and status.value}
    query = query.where(*(invitations.c[name] == value for name, value in exact.items() if value is not None))
    return newest(tx, query, invitations.c.first_position, InvitationRow, after, limit)
