"""A session: one sign-in of a person, on one device, until it ends."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from domain.errors import Refused
from domain.model import Aggregate, Event, InitialEvent


class SessionIsOver(Refused):
    pass


class Means(StrEnum):
    """By what a person showed who they are."""

    PASSWORD = "password"
    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    INVITATION = "invitation"


class Ending(StrEnum):
    """Why a session ended; one that nobody uses any more runs out without a word."""

    SIGNED_OUT = "signed_out"
    SIGNED_OUT_ELSEWHERE = "signed_out_elsewhere"
    SIGNED_OUT_EVERYWHERE = "signed_out_everywhere"
    DISPLACED = "displaced"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    PASSWORD_CHANGED = "password_changed"
    ERASED = "erased"


class Session(Aggregate):
    TOPIC: ClassVar[str] = "session"

    class Begun(InitialEvent):
        """A person signed in; the envelope's context says from where."""

        TOPIC: ClassVar[str] = "session.begun"
        person_id: UUID
        organization_id: UUID
        means: Annotated[tuple[Means, ...], Field(max_length=10)]

        def apply(self, aggregate: "Session") -> None:
            aggregate.person_id = self.person_id
            aggregate.at = self.organization_id
            aggregate.is_over = False

    class Switched(Event):
        """The same person goes on in another of their organizations."""

        TOPIC: ClassVar[str] = "session.switched"
        person_id: UUID
        previous: UUID
        organization_id: UUID

        def apply(self, aggregate: "Session") -> None:
            aggregate.at = self.organization_id

    class Ended(Event):
        TOPIC: ClassVar[str] = "session.ended"
        person_id: UUID
        organization_id: UUID
        reason: Ending

        def apply(self, aggregate: "Session") -> None:
            aggregate.is_over = True

    person_id: UUID
    at: UUID
    """The organization that its access tokens name; it stands behind the wall of none."""
    is_over: bool

    @classmethod
    def begin(cls, id: UUID, person_id: UUID, organization_id: UUID, means: tuple[Means, ...], now: datetime) -> Self:
        return cls._create(
            cls.Begun, id=id, person_id=person_id, organization_id=organization_id, means=means, timestamp=now
        )

    def switch(self, organization_id: UUID, now: datetime) -> None:
        if self.is_over:
            raise SessionIsOver("this session has ended; sign in again")
        if organization_id != self.at:
            self.trigger_event(
                self.Switched,
                person_id=self.person_id,
                previous=self.at,
                organization_id=organization_id,
                timestamp=now,
            )

    def end(self, reason: Ending, now: datetime) -> None:
        if not self.is_over:
            self.trigger_event(
                self.Ended, person_id=self.person_id, organization_id=self.at, reason=reason, timestamp=now
            )
