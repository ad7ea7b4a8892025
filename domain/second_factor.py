"""A second factor: what a person shows beside the password, apart from the person since many requests ask for it."""

from datetime import datetime
from functools import lru_cache
from typing import ClassVar, Final, Self
from uuid import UUID, uuid5

from domain.errors import Refused
from domain.model import REMEMBERED, Aggregate, Event, InitialEvent
from domain.session import Means

_NAMESPACE: Final = UUID("b3d1a1f2-52c5-5f0e-9d0b-3c3a4a3f6e71")


class SecondFactorIsOn(Refused):
    pass


class SecondFactorIsOff(Refused):
    pass


@lru_cache(REMEMBERED)
def second_factor_id(person_id: UUID) -> UUID:
    return uuid5(_NAMESPACE, person_id.hex)


class SecondFactor(Aggregate):
    """`organization_id` of its events is where whoever acted did."""

    TOPIC: ClassVar[str] = "second_factor"

    class Begun(InitialEvent):
        """A person was shown a secret for the first time; it is good for nothing until a code confirms it."""

        TOPIC: ClassVar[str] = "second_factor.begun"
        person_id: UUID
        organization_id: UUID

        def apply(self, aggregate: "SecondFactor") -> None:
            aggregate.person_id = self.person_id
            aggregate.is_on = False

    class TurnedOn(Event):
        TOPIC: ClassVar[str] = "second_factor.turned_on"
        person_id: UUID
        organization_id: UUID

        def apply(self, aggregate: "SecondFactor") -> None:
            aggregate.is_on = True

    class TurnedOff(Event):
        """By the person, who showed it once more."""

        TOPIC: ClassVar[str] = "second_factor.turned_off"
        person_id: UUID
        organization_id: UUID
        means: Means

        def apply(self, aggregate: "SecondFactor") -> None:
            aggregate.is_on = False

    class Reset(Event):
        """By somebody else, for a person who lost it."""

        TOPIC: ClassVar[str] = "second_factor.reset"
        person_id: UUID
        organization_id: UUID

        def apply(self, aggregate: "SecondFactor") -> None:
            aggregate.is_on = False

    class RecoveryCodesRenewed(Event):
        """Those of before are good for nothing any more."""

        TOPIC: ClassVar[str] = "second_factor.recovery_codes_renewed"
        person_id: UUID
        organization_id: UUID
        means: Means

    person_id: UUID
    is_on: bool

    @classmethod
    def begin(cls, person_id: UUID, organization_id: UUID, now: datetime) -> Self:
        return cls._create(
            cls.Begun,
            id=second_factor_id(person_id),
            person_id=person_id,
            organization_id=organization_id,
            timestamp=now,
        )

    def turn_on(self, organization_id: UUID, now: datetime) -> None:
        self.must_be_off()
        self._record(self.TurnedOn, organization_id, now)

    def turn_off(self, organization_id: UUID, means: Means, now: datetime) -> None:
        self.must_be_on()
        self._record(self.TurnedOff, organization_id, now, means=means)

    def reset(self, organization_id: UUID, now: datetime) -> None:
        self.must_be_on()
        self._record(self.Reset, organization_id, now)

    def renew_recovery_codes(self, organization_id: UUID, means: Means, now: datetime) -> None:
        self.must_be_on()
        self._record(self.RecoveryCodesRenewed, organization_id, now, means=means)

    def must_be_on(self) -> None:
        """Raises SecondFactorIsOff."""
        if not self.is_on:
            raise SecondFactorIsOff("no second factor is on; there is nothing to change")

    def must_be_off(self) -> None:
        """Raises SecondFactorIsOn."""
        if self.is_on:
            raise SecondFactorIsOn("a second factor is on already; to set up another one, turn it off first")

    def _record(self, kind: type[Event], organization_id: UUID, now: datetime, **more: Means) -> None:
        self.trigger_event(kind, person_id=self.person_id, organization_id=organization_id, timestamp=now, **more)
