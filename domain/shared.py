"""A thing that people share: its owner hands it over, its members have each a role in it."""

from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from domain.errors import Refused
from domain.model import Event, InitialEvent
from domain.roles import DatasetRole, Permission, Place, ProjectRole, includes
from domain.trash import Disposable
from domain.values import Name, Text

P = TypeVar("P", bound=Place)


class PersonHasAPlace(Refused):
    pass


class PersonHasNoPlace(Refused):
    pass


class OwnerIsNeeded(Refused):
    """Whoever owns a thing hands it over before leaving it."""


class OwnershipIsNotOffered(Refused):
    pass


class Shared(Disposable, Generic[P]):
    """P is the kind of role that its members have. Each of its events has a TOPIC of the thing's own."""

    PLACES: ClassVar[type[ProjectRole] | type[DatasetRole]]
    OF_ITS_OWNER: ClassVar[frozenset[Permission]]
    """What owning it adds to what the role in the organization allows."""

    class Created(InitialEvent):
        organization_id: UUID
        owner_id: UUID
        name: Name
        description: Text

        def apply(self, aggregate: Any) -> None:
            aggregate.organization_id = self.organization_id
            aggregate.owner_id = self.owner_id
            aggregate.name = self.name
            aggregate.begin_shared()

    class MemberAdded(Event):
        person_id: UUID
        role: Place

        def apply(self, aggregate: "Shared[Any]") -> None:
            aggregate.seat(self.person_id, self.role, self.originator_version)

    class MemberRoleChanged(Event):
        person_id: UUID
        previous: Place
        role: Place

        def apply(self, aggregate: "Shared[Any]") -> None:
            aggregate.seat(self.person_id, self.role, self.originator_version)

    class MemberRemoved(Event):
        """By somebody who may, or by the person who leaves."""

        person_id: UUID
        role: Place

        def apply(self, aggregate: "Shared[Any]") -> None:
            del aggregate.members[self.person_id]

    class OwnershipOffered(Event):
        person_id: UUID

        def apply(self, aggregate: "Shared[Any]") -> None:
            aggregate.offered_to, aggregate.offered_at = self.person_id, self.originator_version

    class OwnershipDeclined(Event):
        """By the person whom it was offered to, or withdrawn by whoever may offer it."""

        person_id: UUID

        def apply(self, aggregate: "Shared[Any]") -> None:
            aggregate.offered_to = None

    class OwnershipAccepted(Event):
        """The new owner is no member beside that; the one before stays in the place that is named, or in none."""

        person_id: UUID
        previous: UUID
        previous_role: Place | None

        def apply(self, aggregate: "Shared[Any]") -> None:
            aggregate.members.pop(self.person_id, None)
            if self.previous_role is not None:
                aggregate.seat(self.previous, self.previous_role, self.originator_version)
            aggregate.owner_id = self.person_id
            aggregate.offered_to = None

    class Deleted(Disposable.Deleted):
        """Whoever it was offered to is offered nothing any more."""

        def apply(self, aggregate: Any) -> None:
            super().apply(aggregate)
            aggregate.offered_to = None

    organization_id: UUID
    owner_id: UUID
    members: dict[UUID, P]
    seated_at: dict[UUID, int]
    """The version of this thing in which each member was given the place that it has."""
    offered_to: UUID | None
    offered_at: int

    def begin_shared(self) -> None:
        self.begin_kept()
        self.members, self.seated_at = {}, {}
        self.offered_to, self.offered_at = None, 0

    def seat(self, person_id: UUID, role: P, version: int) -> None:
        self.members[person_id], self.seated_at[person_id] = role, version

    def lets(self, person_id: UUID, permission: Permission) -> bool:
        """Whether the person's place in it includes the permission, whatever the organization grants."""
        if person_id == self.owner_id:
            return permission in self.OF_ITS_OWNER
        role = self.members.get(person_id)
        return role is not None and includes(role, permission)

    def must_be_open(self) -> None:
        """Raises a refusal while nothing may go into it."""
        self.must_be_there()

    def add_member(self, person_id: UUID, role: P, now: datetime) -> None:
        self.must_be_open()
        if person_id == self.owner_id or self.members.get(person_id, role) is not role:
            raise PersonHasAPlace(f"this person is in {self._called} already; change the role instead")
        if person_id not in self.members:
            self.trigger_event(self.MemberAdded, person_id=person_id, role=role, timestamp=now)

    def change_role(self, person_id: UUID, role: P, now: datetime) -> None:
        self.must_be_open()
        previous = self._role_of(person_id)
        if role is not previous:
            self.trigger_event(self.MemberRoleChanged, person_id=person_id, previous=previous, role=role, timestamp=now)

    def remove_member(self, person_id: UUID, now: datetime) -> None:
        """Also where nothing may go in: nobody is kept in it. An offer to whoever goes ends with that."""
        role = self._role_of(person_id)
        self.trigger_event(self.MemberRemoved, person_id=person_id, role=role, timestamp=now)
        if self.offered_to == person_id:
            self.decline_ownership(now)

    def vacate(self, person_id: UUID, upto: int, now: datetime) -> None:
        """Of whoever left the organization no place is kept, and no offer, that was given up to that version."""
        role = self.members.get(person_id)
        if role is not None and self.seated_at[person_id] <= upto:
            self.trigger_event(self.MemberRemoved, person_id=person_id, role=role, timestamp=now)
        if person_id == self.offered_to:
            self.end_offer(upto, now)

    def offer_ownership(self, person_id: UUID, now: datetime) -> None:
        self.must_be_there()
        if person_id == self.owner_id:
            raise PersonHasAPlace(f"this person owns {self._called} already")
        if person_id != self.offered_to:
            self.trigger_event(self.OwnershipOffered, person_id=person_id, timestamp=now)

    def accept_ownership(self, person_id: UUID, previous_role: P | None, now: datetime) -> None:
        """`previous_role` is the place that whoever owned it keeps, if any."""
        self.must_be_offered_to(person_id)
        self.trigger_event(
            self.OwnershipAccepted,
            person_id=person_id,
            previous=self.owner_id,
            previous_role=previous_role,
            timestamp=now,
        )

    def decline_ownership(self, now: datetime) -> None:
        if self.offered_to is None:
            raise OwnershipIsNotOffered(f"{self._called} is offered to nobody")
        self.trigger_event(self.OwnershipDeclined, person_id=self.offered_to, timestamp=now)

    def end_offer(self, upto: int, now: datetime) -> None:
        """If there is one that was made up to that version."""
        if self.offered_to is not None and self.offered_at <= upto:
            self.decline_ownership(now)

    def must_be_offered_to(self, person_id: UUID) -> None:
        if person_id != self.offered_to:
            raise OwnershipIsNotOffered(f"nobody offers you {self._called}")

    def _role_of(self, person_id: UUID) -> P:
        if person_id == self.owner_id:
            raise OwnerIsNeeded(f"{self._called} needs its owner: hand it over to somebody first")
        if person_id not in self.members:
            raise PersonHasNoPlace(f"this person is not a member of {self._called}")
        return self.members[person_id]
