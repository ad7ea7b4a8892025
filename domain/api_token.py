"""An API token: what a program carries in the name of its owner, for some things only and for a time."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Self
from uuid import UUID

from pydantic import Field

from domain.errors import Refused
from domain.model import Aggregate, Event, InitialEvent
from domain.roles import Scope
from domain.values import Name, Word

LONGEST_LIFE: Final = timedelta(days=366)


class TokenIsStillGood(Refused):
    pass


class OwnerKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"


class ApiToken(Aggregate):
    TOPIC: ClassVar[str] = "api_token"

    class Created(InitialEvent):
        """`prefix` is how the token begins, by which people recognise it; nothing else of it is written anywhere."""

        TOPIC: ClassVar[str] = "api_token.created"
        organization_id: UUID
        owner_kind: OwnerKind
        owner_id: UUID
        name: Name
        prefix: Word
        scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=20)]
        expires_at: datetime

        def apply(self, aggregate: "ApiToken") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.owner_kind = self.owner_kind
            aggregate.owner_id = self.owner_id
            aggregate.name = self.name
            aggregate.prefix = self.prefix
            aggregate.scopes = frozenset(self.scopes)
            aggregate.expires_at = self.expires_at
            aggregate.over = False

    class Revoked(Event):
        TOPIC: ClassVar[str] = "api_token.revoked"

        def apply(self, aggregate: "ApiToken") -> None:
            aggregate.over = True

    class Expired(Event):
        """Noted some moments after the fact: a token is refused from the moment that it names."""

        TOPIC: ClassVar[str] = "api_token.expired"

        def apply(self, aggregate: "ApiToken") -> None:
            aggregate.over = True

    organization_id: UUID
    owner_kind: OwnerKind
    owner_id: UUID
    name: str
    prefix: str
    scopes: frozenset[Scope]
    expires_at: datetime
    over: bool

    @classmethod
    def create(
        cls,
        id: UUID,
        organization_id: UUID,
        owner: tuple[OwnerKind, UUID],
        name: str,
        prefix: str,
        scopes: frozenset[Scope],
        expires_at: datetime,
        now: datetime,
    ) -> Self:
        assert now < expires_at <= now + LONGEST_LIFE, "whoever asks says for how many days"
        owner_kind, owner_id = owner
        return cls._create(
            cls.Created,
            id=id,
            organization_id=organization_id,
            owner_kind=owner_kind,
            owner_id=owner_id,
            name=name,
            prefix=prefix,
            scopes=tuple(scope for scope in Scope if scope in scopes),
            expires_at=expires_at,
            timestamp=now,
        )

    def revoke(self, now: datetime) -> None:
        if not self.over:
            self.trigger_event(self.Revoked, timestamp=now)

    def expire(self, now: datetime) -> None:
        if now < self.expires_at:
            raise TokenIsStillGood(f"this token is good until {self.expires_at.isoformat()}")
        if not self.over:
            self.trigger_event(self.Expired, timestamp=now)
