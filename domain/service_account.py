"""A service account: a program of some downstream system, which belongs to an organization and to no person in it."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self
from uuid import UUID

from domain.errors import Refused
from domain.model import Aggregate, Event, InitialEvent
from domain.roles import Role
from domain.values import Name


class AdminIsAPerson(Refused):
    pass


class ServiceAccountIsDeleted(Refused):
    pass


class BusIsFull(Refused):
    """Every place that the bus has for subscribers is taken."""


class SubscriptionStart(StrEnum):
    """From which event on a subscriber is told."""

    BEGINNING = "beginning"
    NOW = "now"


class ServiceAccount(Aggregate):
    TOPIC: ClassVar[str] = "service_account"

    class Created(InitialEvent):
        TOPIC: ClassVar[str] = "service_account.created"
        organization_id: UUID
        name: Name
        role: Role

        def apply(self, aggregate: "ServiceAccount") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.name = self.name
            aggregate.role = self.role
            aggregate.disabled = False
            aggregate.deleted = False
            aggregate.subscribed = False

    class Renamed(Event):
        TOPIC: ClassVar[str] = "service_account.renamed"
        previous: Name
        name: Name

        def apply(self, aggregate: "ServiceAccount") -> None:
            aggregate.name = self.name

    class RoleChanged(Event):
        TOPIC: ClassVar[str] = "service_account.role_changed"
        previous: Role
        role: Role

        def apply(self, aggregate: "ServiceAccount") -> None:
            aggregate.role = self.role

    class Disabled(Event):
        """Shut out, and kept as it was until it is enabled: its tokens are good again then."""

        TOPIC: ClassVar[str] = "service_account.disabled"

        def apply(self, aggregate: "ServiceAccount") -> None:
            aggregate.disabled = True

    class Enabled(Event):
        TOPIC: ClassVar[str] = "service_account.enabled"

        def apply(self, aggregate: "ServiceAccount") -> None:
            aggregate.disabled = False

    class Subscribed(Event):
        """From now on it may hear every event of its organization on the bus, what is private to somebody there too."""

        TOPIC: ClassVar[str] = "service_account.subscribed"
        since: SubscriptionStart

        def apply(self, aggregate: "ServiceAccount") -> None:
            aggregate.subscribed = True

    class Unsubscribed(Event):
        TOPIC: ClassVar[str] = "service_account.unsubscribed"

        def apply(self, aggregate: "ServiceAccount") -> None:
            aggregate.subscribed = False

    class Deleted(Event):
        """For good; its tokens end in the same append, and what it made in the organization stays."""

        TOPIC: ClassVar[str] = "service_account.deleted"

        def apply(self, aggregate: "ServiceAccount") -> None:
            aggregate.deleted = True

    organization_id: UUID
    name: str
    role: Role
    disabled: bool
    deleted: bool
    subscribed: bool

    @property
    def active(self) -> bool:
        return not (self.disabled or self.deleted)

    @property
    def holds_place(self) -> bool:
        """On the bus, also while it is disabled and nobody lets it in."""
        return self.subscribed and not self.deleted

    @classmethod
    def create(cls, id: UUID, organization_id: UUID, name: str, role: Role, now: datetime) -> Self:
        _must_not_be_admin(role)
        return cls._create(cls.Created, id=id, organization_id=organization_id, name=name, role=role, timestamp=now)

    def rename(self, name: str, now: datetime) -> None:
        self.must_be_there()
        if name != self.name:
            self.trigger_event(self.Renamed, previous=self.name, name=name, timestamp=now)

    def change_role(self, role: Role, now: datetime) -> None:
        self.must_be_there()
        _must_not_be_admin(role)
        if role is not self.role:
            self.trigger_event(self.RoleChanged, previous=self.role, role=role, timestamp=now)

    def disable(self, now: datetime) -> None:
        self.must_be_there()
        if not self.disabled:
            self.trigger_event(self.Disabled, timestamp=now)

    def enable(self, now: datetime) -> None:
        self.must_be_there()
        if self.disabled:
            self.trigger_event(self.Enabled, timestamp=now)

    def subscribe(self, since: SubscriptionStart, now: datetime) -> None:
        self.must_be_there()
        if not self.subscribed:
            self.trigger_event(self.Subscribed, since=since, timestamp=now)

    def unsubscribe(self, now: datetime) -> None:
        if self.holds_place:
            self.trigger_event(self.Unsubscribed, timestamp=now)

    def delete(self, now: datetime) -> None:
        if not self.deleted:
            self.trigger_event(self.Deleted, timestamp=now)

    def must_be_there(self) -> None:
        """Raises ServiceAccountIsDeleted."""
        if self.deleted:
            raise ServiceAccountIsDeleted(f"the service account {self.name!r} was deleted; create another one")


def _must_not_be_admin(role: Role) -> None:
    """Raises AdminIsAPerson."""
    if role is Role.ADMIN:
        raise AdminIsAPerson("an admin of an organization is a person; give the service account another role")
