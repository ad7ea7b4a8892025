"""A project: what a team works on together; its experiments live in it, and its members may work there."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from domain.errors import Refused
from domain.model import Aggregate, Event, InitialEvent
from domain.roles import OF_ITS_OWNER, Permission, ProjectRole, may_in_project
from domain.values import Name, Text


class ProjectIsArchived(Refused):
    pass


class ProjectIsDeleted(Refused):
    pass


class PersonIsInProject(Refused):
    pass


class PersonIsNotInProject(Refused):
    pass


class ProjectNeedsItsOwner(Refused):
    """Whoever owns a project hands it over before leaving it."""


class OwnershipIsNotOffered(Refused):
    pass


class Project(Aggregate):
    TOPIC: ClassVar[str] = "project"

    class Created(InitialEvent):
        TOPIC: ClassVar[str] = "project.created"
        organization_id: UUID
        owner_id: UUID
        name: Name
        description: Text

        def apply(self, aggregate: "Project") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.owner_id = self.owner_id
            aggregate.name = self.name
            aggregate.description = self.description
            aggregate.archived = False
            aggregate.purge_at = None
            aggregate.members = {}
            aggregate.offered_to = None

    class Renamed(Event):
        TOPIC: ClassVar[str] = "project.renamed"
        previous: Name
        name: Name

        def apply(self, aggregate: "Project") -> None:
            aggregate.name = self.name

    class Described(Event):
        TOPIC: ClassVar[str] = "project.described"
        previous: Text
        description: Text

        def apply(self, aggregate: "Project") -> None:
            aggregate.description = self.description

    class Archived(Event):
        """Nothing goes into the project until it is restored."""

        TOPIC: ClassVar[str] = "project.archived"

        def apply(self, aggregate: "Project") -> None:
            aggregate.archived = True

    class Restored(Event):
        TOPIC: ClassVar[str] = "project.restored"

        def apply(self, aggregate: "Project") -> None:
            aggregate.archived = False

    class Deleted(Event):
        """Into the trash: from `purge_at` on it may go for good, until then it can come back."""

        TOPIC: ClassVar[str] = "project.deleted"
        purge_at: datetime

        def apply(self, aggregate: "Project") -> None:
            aggregate.purge_at = self.purge_at
            aggregate.offered_to = None

    class Undeleted(Event):
        TOPIC: ClassVar[str] = "project.undeleted"

        def apply(self, aggregate: "Project") -> None:
            aggregate.purge_at = None

    class MemberAdded(Event):
        TOPIC: ClassVar[str] = "project.member_added"
        person_id: UUID
        role: ProjectRole

        def apply(self, aggregate: "Project") -> None:
            aggregate.members[self.person_id] = self.role

    class MemberRoleChanged(Event):
        TOPIC: ClassVar[str] = "project.member_role_changed"
        person_id: UUID
        previous: ProjectRole
        role: ProjectRole

        def apply(self, aggregate: "Project") -> None:
            aggregate.members[self.person_id] = self.role

    class MemberRemoved(Event):
        """By somebody who may, or by the person who leaves."""

        TOPIC: ClassVar[str] = "project.member_removed"
        person_id: UUID
        role: ProjectRole

        def apply(self, aggregate: "Project") -> None:
            del aggregate.members[self.person_id]

    class OwnershipOffered(Event):
        TOPIC: ClassVar[str] = "project.ownership_offered"
        person_id: UUID

        def apply(self, aggregate: "Project") -> None:
            aggregate.offered_to = self.person_id

    class OwnershipDeclined(Event):
        """By the person whom it was offered to, or withdrawn by whoever may offer it."""

        TOPIC: ClassVar[str] = "project.ownership_declined"
        person_id: UUID

        def apply(self, aggregate: "Project") -> None:
            aggregate.offered_to = None

    class OwnershipAccepted(Event):
        """The new owner is no member beside that; the one before stays in the place that is named."""

        TOPIC: ClassVar[str] = "project.ownership_accepted"
        person_id: UUID
        previous: UUID
        previous_role: ProjectRole

        def apply(self, aggregate: "Project") -> None:
            aggregate.members.pop(self.person_id, None)
            aggregate.members[self.previous] = self.previous_role
            aggregate.owner_id = self.person_id
            aggregate.offered_to = None

    organization_id: UUID
    owner_id: UUID
    name: str
    description: str
    archived: bool
    purge_at: datetime | None
    members: dict[UUID, ProjectRole]
    offered_to: UUID | None

    @classmethod
    def create(
        cls, id: UUID, organization_id: UUID, owner_id: UUID, name: str, description: str, now: datetime
    ) -> Self:
        return cls._create(
            cls.Created,
            id=id,
            organization_id=organization_id,
            owner_id=owner_id,
            name=name,
            description=description,
            timestamp=now,
        )

    def lets(self, person_id: UUID, permission: Permission) -> bool:
        """Whether the person's place in this project includes the permission, whatever the organization grants."""
        if person_id == self.owner_id:
            return permission in OF_ITS_OWNER
        role = self.members.get(person_id)
        return role is not None and may_in_project(role, permission)

    def must_be_open(self) -> None:
        self.must_be_there()
        if self.archived:
            raise ProjectIsArchived(f"project {self.name!r} is archived; restore it first")

    def must_be_there(self) -> None:
        if self.purge_at is not None:
            raise ProjectIsDeleted(f"project {self.name!r} is in the trash; take it out first (`undelete`)")

    def rename(self, name: str, now: datetime) -> None:
        self.must_be_open()
        if name != self.name:
            self.trigger_event(self.Renamed, previous=self.name, name=name, timestamp=now)

    def describe(self, description: str, now: datetime) -> None:
        self.must_be_open()
        if description != self.description:
            self.trigger_event(self.Described, previous=self.description, description=description, timestamp=now)

    def archive(self, now: datetime) -> None:
        self.must_be_there()
        if not self.archived:
            self.trigger_event(self.Archived, timestamp=now)

    def restore(self, now: datetime) -> None:
        self.must_be_there()
        if self.archived:
            self.trigger_event(self.Restored, timestamp=now)

    def delete(self, purge_at: datetime, now: datetime) -> None:
        """Whoever it was offered to is offered nothing any more."""
        if self.purge_at is None:
            self.trigger_event(self.Deleted, purge_at=purge_at, timestamp=now)

    def undelete(self, now: datetime) -> None:
        if self.purge_at is not None:
            self.trigger_event(self.Undeleted, timestamp=now)

    def add_member(self, person_id: UUID, role: ProjectRole, now: datetime) -> None:
        self.must_be_open()
        if person_id == self.owner_id or self.members.get(person_id, role) is not role:
            raise PersonIsInProject(f"this person is in project {self.name!r} already; change the role instead")
        if person_id not in self.members:
            self.trigger_event(self.MemberAdded, person_id=person_id, role=role, timestamp=now)

    def change_role(self, person_id: UUID, role: ProjectRole, now: datetime) -> None:
        self.must_be_open()
        previous = self._role_of(person_id)
        if role is not previous:
            self.trigger_event(self.MemberRoleChanged, person_id=person_id, previous=previous, role=role, timestamp=now)

    def remove_member(self, person_id: UUID, now: datetime) -> None:
        """Also from an archived project: nobody is kept in one. An offer to whoever goes ends with that."""
        role = self._role_of(person_id)
        self.trigger_event(self.MemberRemoved, person_id=person_id, role=role, timestamp=now)
        if self.offered_to == person_id:
            self.decline_ownership(now)

    def offer_ownership(self, person_id: UUID, now: datetime) -> None:
        self.must_be_there()
        if person_id == self.owner_id:
            raise PersonIsInProject(f"this person owns project {self.name!r} already")
        if person_id != self.offered_to:
            self.trigger_event(self.OwnershipOffered, person_id=person_id, timestamp=now)

    def accept_ownership(self, person_id: UUID, previous_role: ProjectRole, now: datetime) -> None:
        """`previous_role` is the place that whoever owned it keeps."""
        if person_id != self.offered_to:
            raise OwnershipIsNotOffered(f"nobody offers you project {self.name!r}")
        self.trigger_event(
            self.OwnershipAccepted,
            person_id=person_id,
            previous=self.owner_id,
            previous_role=previous_role,
            timestamp=now,
        )

    def decline_ownership(self, now: datetime) -> None:
        if self.offered_to is None:
            raise OwnershipIsNotOffered(f"project {self.name!r} is offered to nobody")
        self.trigger_event(self.OwnershipDeclined, person_id=self.offered_to, timestamp=now)

    def _role_of(self, person_id: UUID) -> ProjectRole:
        if person_id == self.owner_id:
            raise ProjectNeedsItsOwner(f"project {self.name!r} needs its owner: hand it over to somebody first")
        if person_id not in self.members:
            raise PersonIsNotInProject(f"this person is not a member of project {self.name!r}")
        return self.members[person_id]
