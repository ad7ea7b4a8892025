"""A membership: one person in one organization, with a role and the projects owned there."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID, uuid5

from domain.errors import Refused
from domain.model import Aggregate, Event, InitialEvent
from domain.roles import Role, can_create_project


class GuestOwnsAProject(Refused):
    pass


class MembershipIsActive(Refused):
    pass


def membership_id(organization_id: UUID, person_id: UUID) -> UUID:
    return uuid5(organization_id, person_id.hex)


class Membership(Aggregate):
    TOPIC: ClassVar[str] = "membership"

    class Requested(InitialEvent):
        """Somebody asks to join; until approved the person sees nothing but that."""

        TOPIC: ClassVar[str] = "membership.requested"
        organization_id: UUID
        person_id: UUID

        def apply(self, aggregate: "Membership") -> None:
            aggregate.organization_id = self.organization_id
            aggregate.person_id = self.person_id
            aggregate.role = None
            aggregate.projects = set()

    class Approved(Event):
        TOPIC: ClassVar[str] = "membership.approved"
        role: Role

        def apply(self, aggregate: "Membership") -> None:
            aggregate.role = self.role

    class RoleChanged(Event):
        TOPIC: ClassVar[str] = "membership.role_changed"
        previous: Role
        role: Role

        def apply(self, aggregate: "Membership") -> None:
            aggregate.role = self.role

    class ProjectOwned(Event):
        TOPIC: ClassVar[str] = "membership.project_owned"
        project_id: UUID

        def apply(self, aggregate: "Membership") -> None:
            aggregate.projects.add(self.project_id)

    class ProjectReleased(Event):
        """Somebody else owns the project now."""

        TOPIC: ClassVar[str] = "membership.project_released"
        project_id: UUID

        def apply(self, aggregate: "Membership") -> None:
            aggregate.projects.discard(self.project_id)

    organization_id: UUID
    person_id: UUID
    role: Role | None
    projects: set[UUID]

    @property
    def owner_id(self) -> UUID:
        return self.person_id

    @classmethod
    def request(cls, organization_id: UUID, person_id: UUID, now: datetime) -> Self:
        return cls._create(
            cls.Requested,
            id=membership_id(organization_id, person_id),
            organization_id=organization_id,
            person_id=person_id,
            timestamp=now,
        )

    def approve(self, role: Role, now: datetime) -> None:
        if self.role is not None:
            raise MembershipIsActive("this person is a member already")
        self.trigger_event(self.Approved, role=role, timestamp=now)

    def change_role(self, role: Role, now: datetime) -> None:
        if self.role is None:
            raise Refused("this person waits for approval; approve the membership first")
        if role is not self.role:
            self.trigger_event(self.RoleChanged, previous=self.role, role=role, timestamp=now)

    def own_project(self, project_id: UUID, now: datetime) -> None:
        if self.role is None or not can_create_project(self.role, len(self.projects)):
            raise GuestOwnsAProject("a guest may own one project, and owns one already; an admin can grant a role")
        self.trigger_event(self.ProjectOwned, project_id=project_id, timestamp=now)

    def release_project(self, project_id: UUID, now: datetime) -> None:
        if project_id in self.projects:
            self.trigger_event(self.ProjectReleased, project_id=project_id, timestamp=now)
