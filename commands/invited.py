"""What one may be invited into: who may give which role there, and what becomes of whoever accepts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from commands.access import May
from commands.membership import must_be_able_to_grant
from commands.ports import Store
from commands.shared import must_be_able_to_give
from domain.dataset import Dataset
from domain.invitation import InvitationType
from domain.membership import Membership, MembershipIsActive
from domain.model import Actor, Aggregate
from domain.organization import Admission, Organization
from domain.project import Project
from domain.roles import DatasetRole, Permission, ProjectRole, Role, can_grant_role, outranks
from domain.roles import Place as PlaceRole
from domain.shared import PersonHasAPlace, Shared


class Place(Protocol):
    """A role in something."""

    @property
    def name(self) -> str: ...

    def must_be_given_by(self, giver: Actor) -> None:
        """Nobody gives away what they may not. Raises Forbidden."""
        ...

    def must_take_people(self) -> None:
        """Raises Refused where nobody at all is taken in at the moment."""
        ...

    def must_be_free_for(self, member: Membership) -> None:
        """Raises Refused where the member has it already, or more."""
        ...

    def entry(self, giver: Actor, organization: Organization) -> Role | None:
        """As what a newcomer comes into the organization; None for one who waits to be let in."""
        ...

    def fill(self, member: Membership, organization: Organization, now: datetime) -> tuple[Aggregate, ...]:
        """Whoever accepts has it; what else is to be saved."""
        ...


@dataclass(frozen=True)
class InOrganization:
    organization: Organization
    role: Role

    @property
    def name(self) -> str:
        return self.organization.name

    def must_be_given_by(self, giver: Actor) -> None:
        must_be_able_to_grant(giver, self.role)

    def must_take_people(self) -> None:
        """Who may come is decided with the one who comes: whether it is full, and whom it lets in."""

    def must_be_free_for(self, member: Membership) -> None:
        if member.role is not None and not outranks(self.role, member.role):
            raise MembershipIsActive(f"this person is a member already, as {member.role}")

    def entry(self, giver: Actor, organization: Organization) -> Role | None:
        return self.role

    def fill(self, member: Membership, organization: Organization, now: datetime) -> tuple[Aggregate, ...]:
        """Whoever was a member before has a lower role, which is raised."""
        if member.role is not self.role:
            member.change_role(self.role, now)
            if self.role is Role.ADMIN:
                organization.add_admin(member.person_id, now)
        return ()


@dataclass(frozen=True)
class InShared:
    thing: Shared[Any]
    role: PlaceRole

    @property
    def name(self) -> str:
        return self.thing.name

    def must_be_given_by(self, giver: Actor) -> None:
        must_be_able_to_give(giver, self.thing, self.role)

    def must_take_people(self) -> None:
        self.thing.must_be_open()

    def must_be_free_for(self, member: Membership) -> None:
        if member.person_id == self.thing.owner_id or member.person_id in self.thing.members:
            raise PersonHasAPlace("this person has a place there already; change the role instead")

    def entry(self, giver: Actor, organization: Organization) -> Role | None:
        """Whoever may let nobody in lets in no newcomer by way of a project either, unless everybody is."""
        is_let_in = can_grant_role(Role(str(giver.role)), Role.GUEST) or organization.admission is Admission.OPEN
        return Role.GUEST if is_let_in else None

    def fill(self, member: Membership, organization: Organization, now: datetime) -> tuple[Aggregate, ...]:
        self.thing.add_member(member.person_id, self.role, now)
        return (self.thing,)


@dataclass(frozen=True)
class Kind:
    """`rule` says who may invite there at all."""

    rule: May
    find: Callable[[Store, UUID, str], Place]


KINDS: Final[Mapping[InvitationType, Kind]] = {
    InvitationType.ORGANIZATION: Kind(
        May(Permission.APPROVE_MEMBER, Organization, "target_id"),
        lambda store, id, role: InOrganization(store.get(Organization, id), Role(role)),
    ),
    InvitationType.PROJECT: Kind(
        May(Permission.MANAGE_PROJECT_MEMBERS, Project, "target_id"),
        lambda store, id, role: InShared(store.get(Project, id), ProjectRole(role)),
    ),
    InvitationType.DATASET: Kind(
        May(Permission.MANAGE_DATASET_MEMBERS, Dataset, "target_id"),
        lambda store, id, role: InShared(store.get(Dataset, id), DatasetRole(role)),
    ),
}


def place_of(store: Store, type: InvitationType, target_id: UUID, role: str) -> Place:
    """Raises NotFound."""
    return KINDS[type].find(store, target_id, role)
