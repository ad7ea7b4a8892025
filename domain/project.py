"""A project: what a team works on together; its experiments live in it, and its members may work there."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from domain.errors import Refused
from domain.model import Event
from domain.roles import OF_PROJECT_OWNER, Permission, ProjectRole
from domain.shared import Shared
from domain.values import Name, Text


class ProjectIsArchived(Refused):
    pass


class Project(Shared[ProjectRole]):
    TOPIC: ClassVar[str] = "project"
    PLACES: ClassVar[type[ProjectRole]] = ProjectRole
    OF_ITS_OWNER: ClassVar[frozenset[Permission]] = OF_PROJECT_OWNER

    class Created(Shared.Created):
        TOPIC: ClassVar[str] = "project.created"

        def apply(self, aggregate: "Project") -> None:
            super().apply(aggregate)
            aggregate.description = self.description
            aggregate.archived = False

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

    class Deleted(Shared.Deleted):
        TOPIC: ClassVar[str] = "project.deleted"

    class Undeleted(Shared.Undeleted):
        TOPIC: ClassVar[str] = "project.undeleted"

    class Purged(Shared.Purged):
        TOPIC: ClassVar[str] = "project.purged"

    class MemberAdded(Shared.MemberAdded):
        TOPIC: ClassVar[str] = "project.member_added"
        role: ProjectRole

    class MemberRoleChanged(Shared.MemberRoleChanged):
        TOPIC: ClassVar[str] = "project.member_role_changed"
        previous: ProjectRole
        role: ProjectRole

    class MemberRemoved(Shared.MemberRemoved):
        TOPIC: ClassVar[str] = "project.member_removed"
        role: ProjectRole

    class OwnershipOffered(Shared.OwnershipOffered):
        TOPIC: ClassVar[str] = "project.ownership_offered"

    class OwnershipDeclined(Shared.OwnershipDeclined):
        TOPIC: ClassVar[str] = "project.ownership_declined"

    class OwnershipAccepted(Shared.OwnershipAccepted):
        TOPIC: ClassVar[str] = "project.ownership_accepted"
        previous_role: ProjectRole

    description: str
    archived: bool

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

    def must_be_open(self) -> None:
        self.must_be_there()
        if self.archived:
            raise ProjectIsArchived(f"project {self.name!r} is archived; restore it first")

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
