"""An invitation: somebody is asked by mail into an organization, or into something of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Self
from uuid import UUID

from domain.dataset import Dataset
from domain.errors import Refused
from domain.language import Language
from domain.model import Aggregate, Event, InitialEvent
from domain.project import Project
from domain.shared import Shared
from domain.values import About, Flag, Line, Name, Personal, Text, Word


class InvitationIsOver(Refused):
    pass


class InvitationIsPending(Refused):
    pass


class InvitationType(StrEnum):
    """Into what somebody is asked; which roles there are is a matter of that."""

    ORGANIZATION = "organization"
    PROJECT = "project"
    DATASET = "dataset"


SharedKind = type[Shared[Any]]
INTO: Final[Mapping[InvitationType, SharedKind]] = {
    InvitationType.PROJECT: Project,
    InvitationType.DATASET: Dataset,
}


class InvitationStatus(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class CancelReason(StrEnum):
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    PERSON_ERASED = "person_erased"
    TARGET_PURGED = "target_purged"
    ORGANIZATION_CLOSED = "organization_closed"


class Invitation(Aggregate):
    """What is personal in it is sealed with a key of its own, which is destroyed once the invitation is over."""

    TOPIC: ClassVar[str] = "invitation"

    class Sent(InitialEvent):
        """`target_name` is what the target was called then; `for_anyone` lets whoever has the link accept."""

        TOPIC: ClassVar[str] = "invitation.sent"
        organization_id: UUID
        type: InvitationType
        target_id: UUID
        target_name: Name
        role: Word
        inviter_id: UUID
        email: Annotated[Personal[Line], About("originator_id")]
        message: Annotated[Personal[Text], About("originator_id")]
        language: Annotated[Personal[Language], About("originator_id")]
        for_anyone: Flag
        expires_at: datetime

        def apply(self, aggregate: "Invitation") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.type = self.type
            aggregate.target_id = self.target_id
            aggregate.role = self.role
            aggregate.inviter_id = self.inviter_id
            aggregate.email, aggregate.message, aggregate.language = self.email, self.message, self.language
            aggregate.for_anyone = self.for_anyone
            aggregate.expires_at = self.expires_at
            aggregate.status = InvitationStatus.PENDING
            aggregate.person_id = None

    class Resent(Event):
        """Another letter, and more time; links that were sent before stay good for theirs."""

        TOPIC: ClassVar[str] = "invitation.resent"
        expires_at: datetime

        def apply(self, aggregate: "Invitation") -> None:
            aggregate.expires_at = self.expires_at

    class Accepted(Event):
        TOPIC: ClassVar[str] = "invitation.accepted"
        person_id: UUID

        def apply(self, aggregate: "Invitation") -> None:
            aggregate.status = InvitationStatus.ACCEPTED
            aggregate.person_id = self.person_id

    class Declined(Event):
        """By whoever has the link, who is named nowhere."""

        TOPIC: ClassVar[str] = "invitation.declined"

        def apply(self, aggregate: "Invitation") -> None:
            aggregate.status = InvitationStatus.DECLINED

    class Expired(Event):
        """Noted some moments after the fact: it is refused from the moment that it names."""

        TOPIC: ClassVar[str] = "invitation.expired"

        def apply(self, aggregate: "Invitation") -> None:
            aggregate.status = InvitationStatus.EXPIRED

    class Cancelled(Event):
        TOPIC: ClassVar[str] = "invitation.cancelled"
        reason: CancelReason

        def apply(self, aggregate: "Invitation") -> None:
            aggregate.status = InvitationStatus.CANCELLED

    organization_id: UUID
    type: InvitationType
    target_id: UUID
    role: str
    inviter_id: UUID
    email: Personal[Line]
    message: Personal[Text]
    language: Personal[Language]
    for_anyone: bool
    expires_at: datetime
    status: InvitationStatus
    person_id: UUID | None

    @property
    def owner_id(self) -> UUID:
        return self.inviter_id

    @property
    def within(self) -> tuple[SharedKind, UUID] | None:
        """That in which a place may allow what the role does not."""
        return (INTO[self.type], self.target_id) if self.type in INTO else None

    @classmethod
    def send(
        cls,
        id: UUID,
        organization_id: UUID,
        to: tuple[InvitationType, UUID, str],
        role: str,
        inviter_id: UUID,
        letter: tuple[str, str, Language],
        for_anyone: bool,
        expires_at: datetime,
        now: datetime,
    ) -> Self:
        """`to` is type, id and name; `letter` is address, message and language."""
        (type, target_id, target_name), (email, message, language) = to, letter
        return cls._create(
            cls.Sent,
            id=id,
            organization_id=organization_id,
            type=type,
            target_id=target_id,
            target_name=target_name,
            role=role,
            inviter_id=inviter_id,
            email=email,
            message=message,
            language=language,
            for_anyone=for_anyone,
            expires_at=expires_at,
            timestamp=now,
        )

    def send_again(self, expires_at: datetime, now: datetime) -> None:
        self.must_be_pending(now)
        self.trigger_event(self.Resent, expires_at=expires_at, timestamp=now)

    def accept(self, person_id: UUID, now: datetime) -> None:
        self.must_be_pending(now)
        self.trigger_event(self.Accepted, person_id=person_id, timestamp=now)

    def decline(self, now: datetime) -> None:
        self.must_be_pending(now)
        self.trigger_event(self.Declined, timestamp=now)

    def cancel(self, reason: CancelReason, now: datetime) -> None:
        """Also one whose time is over, as long as nobody has noted that."""
        self._must_not_be_over()
        self.trigger_event(self.Cancelled, reason=reason, timestamp=now)

    def expire(self, now: datetime) -> None:
        if now < self.expires_at:
            raise InvitationIsPending(f"this invitation is good until {self.expires_at.isoformat()}")
        self._must_not_be_over()
        self.trigger_event(self.Expired, timestamp=now)

    def must_be_pending(self, now: datetime) -> None:
        """Raises InvitationIsOver."""
        self._must_not_be_over()
        if now >= self.expires_at:
            raise InvitationIsOver("this invitation has expired; ask for another")

    def _must_not_be_over(self) -> None:
        if self.status is not InvitationStatus.PENDING:
            raise InvitationIsOver(f"this invitation is {self.status} already")
