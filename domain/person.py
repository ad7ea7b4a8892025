"""A person: known everywhere by one id, a member of organizations, erasable."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from domain.model import Aggregate, Event, InitialEvent
from domain.values import About, Line, Personal, Slug


class Person(Aggregate):
    TOPIC: ClassVar[str] = "person"

    class Registered(InitialEvent):
        TOPIC: ClassVar[str] = "person.registered"
        email: Annotated[Personal[Line], About("originator_id")]
        full_name: Annotated[Personal[Line], About("originator_id")]
        avatar_name: Slug
        organization_id: UUID

        def apply(self, aggregate: "Person") -> None:
            aggregate.organizations = [self.organization_id]

    class SignedIn(Event):
        TOPIC: ClassVar[str] = "person.signed_in"
        organization_id: UUID

    organizations: list[UUID]

    @classmethod
    def register(
        cls, id: UUID, email: str, full_name: str, avatar_name: str, organization_id: UUID, now: datetime
    ) -> Self:
        return cls._create(
            cls.Registered,
            id=id,
            email=email,
            full_name=full_name,
            avatar_name=avatar_name,
            organization_id=organization_id,
            timestamp=now,
        )

    def sign_in(self, organization_id: UUID, now: datetime) -> None:
        self.trigger_event(self.SignedIn, organization_id=organization_id, timestamp=now)
