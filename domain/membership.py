"""A membership: one person in one organization, with a role and the projects owned there."""

from datetime import datetime
from functools import lru_cache
from typing import ClassVar, Self
from uuid import UUID, uuid5

from domain.errors import Refused
from domain.model import REMEMBERED, Aggregate, Event, InitialEvent
from domain.roles import Role, can_create_project, can_own


class GuestOwnsAProject(Refused):
    pass


class MembershipIsActive(Refused):
    pass


class MembershipIsNotActive(Refused):
    pass


class MemberOwnsProjects(Refused):
    """Whoever owns projects hands them over before going, and all but one before becoming a guest."""


@lru_cache(REMEMBERED)
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
            aggregate.deactivated = False
            aggregate.ended = False
            aggregate.projects = set()

    class Approved(Event):
        TOPIC: ClassVar[str] = "membership.approved"
        role: Role

        def apply(self, aggregate: "Membership") -> None:
            aggregate.role = self.role
            aggregate.ended = False

    class RoleChanged(Event):
        TOPIC: ClassVar[str] = "membership.role_changed"
        previous: Role
        role: Role

        def apply(self, aggregate: "Membership") -> None:
            aggregate.role = self.role

    class Deactivated(Event):
        """Shut out, and kept as it was until it is reactivated."""

        TOPIC: ClassVar[str] = "membership.deactivated"

        def apply(self, aggregate: "Membership") -> None:
            aggregate.deactivated = True

    class Reactivated(Event):
        TOPIC: ClassVar[str] = "membership.reactivated"

        def apply(self, aggregate: "Membership") -> None:
            aggregate.deactivated = False

    class Ended(Event):
        """Until somebody approves it anew. `previous` is None where it was never approved."""

        TOPIC: ClassVar[str] = "membership.ended"
        previous: Role | None

        def apply(self, aggregate: "Membership") -> None:
            aggregate.role = None
            aggregate.deactivated = False
            aggregate.ended = True

    class ProjectOwned(Event):
        TOPIC: ClassVar[str] = "membership.project_owned"
        project_id: UUID

        def apply(self, aggregate: "Membership") -> None:
            aggregate.projects.add(self.project_id)

    class ProjectReleased(Event):
        """Somebody else owns the project now, or it is in the trash."""

        TOPIC: ClassVar[str] = "membership.project_released"
        project_id: UUID

        def apply(self, aggregate: "Membership") -> None:
            aggregate.projects.discard(self.project_id)

    organization_id: UUID
    person_id: UUID
    role: Role | None
    deactivated: bool
    ended: bool
    projects: set[UUID]

    @property
    def owner_id(self) -> UUID:
        return self.person_id

    @property
    def active(self) -> bool:
        """Let in, and not shut out since."""
        return self.role is not None and not self.deactivated

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
            raise MembershipIsNotActive("this person is no member yet, or not any more; approve the membership first")
        if role is self.role:
            return
        if not can_own(role, len(self.projects)):
            raise MemberOwnsProjects(
                f"a {role} may own one project, and this person owns {len(self.projects)}; hand all but one over first "
                "(`vistory project offer PROJECT PERSON`), or delete them"
            )
        self.trigger_event(self.RoleChanged, previous=self.role, role=role, timestamp=now)

    def deactivate(self, now: datetime) -> None:
        if self.role is None:
            raise MembershipIsNotActive("this person is no member; there is nothing to deactivate")
        if not self.deactivated:
            self.trigger_event(self.Deactivated, timestamp=now)

    def reactivate(self, now: datetime) -> None:
        if self.deactivated:
            self.trigger_event(self.Reactivated, timestamp=now)

    def end(self, now: datetime) -> None:
        """Also of one who waits, or is deactivated."""
        self.must_be_free()
        if not self.ended:
            self.trigger_event(self.Ended, previous=self.role, timestamp=now)

    def must_be_free(self) -> None:
        """Raises MemberOwnsProjects."""
        if self.projects:
            raise MemberOwnsProjects(
                f"this person owns {len(self.projects)} of the organization's projects; hand them over first "
                "(`vistory project offer PROJECT PERSON`), or delete them"
            )

    def own_project(self, project_id: UUID, now: datetime) -> None:
        self.must_be_able_to_own(self.role)
        self.trigger_event(self.ProjectOwned, project_id=project_id, timestamp=now)

    def must_be_able_to_own(self, role: Role | None) -> None:
        """One more project, in that role. Raises GuestOwnsAProject."""
        if role is None or not can_create_project(role, len(self.projects)):
            raise GuestOwnsAProject("a guest may own one project, and owns one already; an admin can grant a role")

    def release_project(self, project_id: UUID, now: datetime) -> None:
        if project_id in self.projects:
            self.trigger_event(self.ProjectReleased, project_id=project_id, timestamp=now)
