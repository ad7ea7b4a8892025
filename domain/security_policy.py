"""What an organization asks of the accounts of its members; apart from it, since every request of theirs looks here."""

from datetime import datetime
from functools import lru_cache
from typing import ClassVar, Self
from uuid import UUID, uuid5

from domain.model import REMEMBERED, Aggregate, Event, InitialEvent


@lru_cache(REMEMBERED)
def security_policy_id(organization_id: UUID) -> UUID:
    return uuid5(organization_id, "security policy")


class SecurityPolicy(Aggregate):
    TOPIC: ClassVar[str] = "security_policy"

    class Begun(InitialEvent):
        """Of an organization that asks for something for the first time; until then it asks for nothing."""

        TOPIC: ClassVar[str] = "security_policy.begun"
        organization_id: UUID

        def apply(self, aggregate: "SecurityPolicy") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.second_factor_required = False

    class SecondFactorRuleChanged(Event):
        """Whether members may act only once they have a second factor."""

        TOPIC: ClassVar[str] = "security_policy.second_factor_rule_changed"
        organization_id: UUID
        required: bool
        previous: bool

        def apply(self, aggregate: "SecurityPolicy") -> None:
            aggregate.second_factor_required = self.required

    organization_id: UUID
    second_factor_required: bool

    @classmethod
    def begin(cls, organization_id: UUID, now: datetime) -> Self:
        return cls._create(
            cls.Begun, id=security_policy_id(organization_id), organization_id=organization_id, timestamp=now
        )

    def require_second_factor(self, required: bool, now: datetime) -> None:
        if required is not self.second_factor_required:
            self.trigger_event(
                self.SecondFactorRuleChanged,
                organization_id=self.organization_id,
                required=required,
                previous=self.second_factor_required,
                timestamp=now,
            )
