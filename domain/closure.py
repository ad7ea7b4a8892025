"""Whether an organization is closed, and when it ends; apart from it, since every request of its members looks here."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar, Self
from uuid import UUID, uuid5

from domain.errors import Refused, Unauthenticated
from domain.model import REMEMBERED, Aggregate, Event, InitialEvent


class OrganizationWasClosed(Unauthenticated):
    """Nothing that names it lets anybody in; its admins alone may come to reopen it."""


class OrganizationHasEnded(Refused):
    """It was closed, and its time is over."""


class OrganizationIsNotClosed(Refused):
    """What ends is closed before, and for its time."""


@lru_cache(REMEMBERED)
def closure_id(organization_id: UUID) -> UUID:
    return uuid5(organization_id, "closure")


class Closure(Aggregate):
    TOPIC: ClassVar[str] = "closure"

    class Begun(InitialEvent):
        """Of an organization that is closed for the first time."""

        TOPIC: ClassVar[str] = "closure.begun"
        organization_id: UUID

        def apply(self, aggregate: "Closure") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.closed_at = None
            aggregate.purge_at = None
            aggregate.purged = False

    class OrganizationClosed(Event):
        """Nobody works in it from now on; from `purge_at` on it ends, until then its admins can reopen it."""

        TOPIC: ClassVar[str] = "closure.organization_closed"
        organization_id: UUID
        purge_at: datetime

        def apply(self, aggregate: "Closure") -> None:
            aggregate.closed_at = self.timestamp
            aggregate.purge_at = self.purge_at

    class OrganizationReopened(Event):
        TOPIC: ClassVar[str] = "closure.organization_reopened"
        organization_id: UUID

        def apply(self, aggregate: "Closure") -> None:
            aggregate.purge_at = None

    class OrganizationPurged(Event):
        """For good: what it held is freed from now on, and whoever was in it is a member no more. Its history stays."""

        TOPIC: ClassVar[str] = "closure.organization_purged"
        organization_id: UUID

        def apply(self, aggregate: "Closure") -> None:
            aggregate.purged = True

    organization_id: UUID
    closed_at: datetime | None
    """When it was last, also once it is open again."""
    purge_at: datetime | None
    purged: bool

    @classmethod
    def begin(cls, organization_id: UUID, now: datetime) -> Self:
        return cls._create(cls.Begun, id=closure_id(organization_id), organization_id=organization_id, timestamp=now)

    def must_be_open(self, *, to_admin: bool = False) -> None:
        """Raises OrganizationWasClosed."""
        if self.purged:
            raise OrganizationWasClosed("this organization was closed, and has ended; its history stays")
        if self.purge_at is not None:
            end = f"{self.purge_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
            raise OrganizationWasClosed(
                f"this organization is closed, and ends at {end}; until then you can reopen it "
                "(`vistory organization reopen`)"
                if to_admin
                else f"this organization is closed, and ends at {end} unless an admin of it reopens it before"
            )

    def ends(self, begun: datetime) -> bool:
        """Whether what began then went on as it was closed; that comes to its end, also where it was reopened."""
        return self.closed_at is not None and begun <= self.closed_at

    def must_be_closed(self) -> datetime:
        """The moment from which it may be purged. Raises OrganizationIsNotClosed."""
        if self.purge_at is None:
            raise OrganizationIsNotClosed("this organization is not closed")
        return self.purge_at

    def must_be_kept(self) -> None:
        """Raises OrganizationHasEnded."""
        if self.purged:
            raise OrganizationHasEnded("this organization has ended; what it held is gone, and its history stays")

    def close(self, purge_at: datetime, now: datetime) -> None:
        self.must_be_kept()
        if self.purge_at is None:
            self.trigger_event(
                self.OrganizationClosed, organization_id=self.organization_id, purge_at=purge_at, timestamp=now
            )

    def reopen(self, now: datetime) -> None:
        self.must_be_kept()
        if self.purge_at is not None:
            self.trigger_event(self.OrganizationReopened, organization_id=self.organization_id, timestamp=now)

    def purge(self, now: datetime) -> None:
        """Raises OrganizationIsNotClosed."""
        if (due := self.must_be_closed()) > now:
            raise OrganizationIsNotClosed(f"this organization stays closed until {due}")
        if not self.purged:
            self.trigger_event(self.OrganizationPurged, organization_id=self.organization_id, timestamp=now)
