"""What one may ask of a project."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May, Platform
from commands.ports import Accepted, Store
from commands.shared import OfMember, OfMemberUpto, OfPlace, OfShared, PersonIsNoMember
from domain.errors import Forbidden
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.project import Project
from domain.roles import Permission, ProjectRole, reach
from domain.trash import IN_THE_TRASH
from domain.values import PlainName, Text


class CreateProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.CREATE_PROJECT)
    project_id: UUID
    name: PlainName
    description: Text = ""


class RenameProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_PROJECT, Project, "project_id")
    project_id: UUID
    name: PlainName


class DescribeProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_PROJECT, Project, "project_id")
    project_id: UUID
    description: Text


class ArchiveProject(Command):
    """Nothing goes into it any more, and nothing in it is lost."""

    ACCESS: ClassVar[Access] = May(Permission.CHANGE_PROJECT, Project, "project_id")
    project_id: UUID


class RestoreProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_PROJECT, Project, "project_id")
    project_id: UUID


class DeleteProject(Command):
    """Into the trash, for 30 days at least; its owner owns a project less meanwhile."""

    ACCESS: ClassVar[Access] = May(Permission.DELETE_PROJECT, Project, "project_id")
    project_id: UUID


class UndeleteProject(Command):
    """Out of the trash; its owner has to be a member still, and a guest to own no other."""

    ACCESS: ClassVar[Access] = May(Permission.DELETE_PROJECT, Project, "project_id")
    project_id: UUID


class OfProject(OfShared):
    project_id: UUID

    def thing(self, store: Store) -> Project:
        return store.get(Project, self.project_id)


class AddProjectMember(OfProject, OfPlace):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_PROJECT_MEMBERS, Project, "project_id")
    role: ProjectRole = ProjectRole.MEMBER


class ChangeProjectRole(OfProject, OfPlace):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_PROJECT_MEMBERS, Project, "project_id")
    role: ProjectRole


class RemoveProjectMember(OfProject, OfMember):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_PROJECT_MEMBERS, Project, "project_id")


class LeaveProject(OfProject):
    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE, unverified=True)


class VacateProject(OfProject, OfMemberUpto):
    """For whoever left the organization."""

    ACCESS: ClassVar[Access] = Platform()


class OfferProject(OfProject, OfMember):
    """It is handed over once that person accepts."""

    ACCESS: ClassVar[Access] = May(Permission.HAND_OVER_PROJECT, Project, "project_id")


class AcceptProject(OfProject):
    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE)


class DeclineProject(OfProject):
    """Whoever it is offered to declines it."""

    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE, unverified=True)


class WithdrawProject(OfProject):
    """Whoever may offer it takes the offer back."""

    ACCESS: ClassVar[Access] = May(Permission.HAND_OVER_PROJECT, Project, "project_id")


def create_project(command: CreateProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    membership = owner_to_be(actor, store)
    membership.own_project(command.project_id, now)
    project = Project.create(command.project_id, home(actor), actor.id, command.name, command.description, now)
    return store.save(project, membership)


def rename_project(command: RenameProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    project.rename(command.name, now)
    return store.save(project)


def describe_project(command: DescribeProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    project.describe(command.description, now)
    return store.save(project)


def archive_project(command: ArchiveProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    project.archive(now)
    return store.save(project)


def restore_project(command: RestoreProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    project.restore(now)
    return store.save(project)


def delete_project(command: DeleteProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    owner = store.get(Membership, membership_id(project.organization_id, project.owner_id))
    project.delete(now + IN_THE_TRASH, now)
    owner.release_project(project.id, now)
    return store.save(project, owner)


def undelete_project(command: UndeleteProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    owner = owner_to_have_it_back(project, store)
    project.undelete(now)
    if project.id not in owner.projects:
        owner.own_project(project.id, now)
    return store.save(project, owner)


def accept_project(command: AcceptProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    """Both memberships change with the project, so that what each person owns is true at every moment."""
    project = store.get(Project, command.project_id)
    before = store.get(Membership, membership_id(project.organization_id, project.owner_id))
    after = owner_to_be(actor, store)
    project.accept_ownership(actor.id, _place_of_one_who_owned(before), now)
    before.release_project(project.id, now)
    after.own_project(project.id, now)
    return store.save(project, before, after)


def owner_to_be(actor: Actor, store: Store) -> Membership:
    """Raises Forbidden for a service account."""
    if actor.kind != "person":
        raise Forbidden("a project needs a person who owns it: somebody else begins it, and adds this service account")
    return store.get(Membership, membership_id(home(actor), actor.id))


def owner_to_have_it_back(project: Project, store: Store) -> Membership:
    """Raises PersonIsNoMember, GuestOwnsAProject."""
    owner = store.get(Membership, membership_id(project.organization_id, project.owner_id))
    if owner.ended:
        raise PersonIsNoMember("its owner is not a member of the organization any more")
    if project.id not in owner.projects:
        owner.must_be_able_to_own(owner.role)
    return owner


def open_project(store: Store, id: UUID) -> Project:
    """The project, for something that goes into it. Raises ProjectIsArchived."""
    project = store.get(Project, id)
    project.must_be_open()
    return project


def _place_of_one_who_owned(membership: Membership) -> ProjectRole:
    """As much as the role in the organization allows anyway."""
    if membership.role is not None and reach(membership.role, Permission.REQUEST_TRAINING) is not None:
        return ProjectRole.MAINTAINER
    return ProjectRole.VIEWER


def home(actor: Actor) -> UUID:
    """The organization in which a member acts."""
    assert actor.organization_id is not None, "a member always acts inside an organization"
    return actor.organization_id
