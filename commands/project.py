"""What one may ask of a project."""

from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from commands.access import Access, Command, May
from commands.ports import Accepted, Store
from domain.errors import Forbidden, Refused
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.project import OwnershipIsNotOffered, Project
from domain.roles import IN_PROJECT, Permission, ProjectRole, Role, reach
from domain.values import Name, Text

IN_THE_TRASH: Final = timedelta(days=30)


class CreateProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.CREATE_PROJECT)
    project_id: UUID
    name: Name
    description: Text = ""


class RenameProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_PROJECT, Project, "project_id")
    project_id: UUID
    name: Name


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


class AddProjectMember(Command):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_PROJECT_MEMBERS, Project, "project_id")
    project_id: UUID
    person_id: UUID
    role: ProjectRole = ProjectRole.MEMBER


class ChangeProjectRole(Command):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_PROJECT_MEMBERS, Project, "project_id")
    project_id: UUID
    person_id: UUID
    role: ProjectRole


class RemoveProjectMember(Command):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_PROJECT_MEMBERS, Project, "project_id")
    project_id: UUID
    person_id: UUID


class LeaveProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE)
    project_id: UUID


class OfferProject(Command):
    """It is handed over once that person accepts."""

    ACCESS: ClassVar[Access] = May(Permission.HAND_OVER_PROJECT, Project, "project_id")
    project_id: UUID
    person_id: UUID


class AcceptProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE)
    project_id: UUID


class DeclineProject(Command):
    """Whoever it is offered to declines it."""

    ACCESS: ClassVar[Access] = May(Permission.TAKE_OWN_PLACE)
    project_id: UUID


class WithdrawProject(Command):
    """Whoever may offer it takes the offer back."""

    ACCESS: ClassVar[Access] = May(Permission.HAND_OVER_PROJECT, Project, "project_id")
    project_id: UUID


class PersonIsNoMember(Refused):
    pass


def create_project(command: CreateProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    organization = home(actor)
    membership = store.get(Membership, membership_id(organization, actor.id))
    membership.own_project(command.project_id, now)
    project = Project.create(command.project_id, organization, actor.id, command.name, command.description, now)
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
    owner = store.get(Membership, membership_id(project.organization_id, project.owner_id))
    if owner.ended:
        raise PersonIsNoMember("its owner is not a member of the organization any more")
    project.undelete(now)
    if project.id not in owner.projects:
        owner.own_project(project.id, now)
    return store.save(project, owner)


def add_project_member(command: AddProjectMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    _must_have(actor, project, command.role)
    _active(store, project, command.person_id)
    project.add_member(command.person_id, command.role, now)
    return store.save(project)


def change_project_role(command: ChangeProjectRole, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    _must_have(actor, project, command.role)
    project.change_role(command.person_id, command.role, now)
    return store.save(project)


def remove_project_member(command: RemoveProjectMember, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    project.remove_member(command.person_id, now)
    return store.save(project)


def leave_project(command: LeaveProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    project.remove_member(actor.id, now)
    return store.save(project)


def offer_project(command: OfferProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    _active(store, project, command.person_id)
    project.offer_ownership(command.person_id, now)
    return store.save(project)


def accept_project(command: AcceptProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    """Both memberships change with the project, so that what each person owns is true at every moment."""
    project = store.get(Project, command.project_id)
    before = store.get(Membership, membership_id(project.organization_id, project.owner_id))
    after = store.get(Membership, membership_id(project.organization_id, actor.id))
    project.accept_ownership(actor.id, _place_of_one_who_owned(before), now)
    before.release_project(project.id, now)
    after.own_project(project.id, now)
    return store.save(project, before, after)


def decline_project(command: DeclineProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    if project.offered_to != actor.id:
        raise OwnershipIsNotOffered(f"nobody offers you project {project.name!r}")
    project.decline_ownership(now)
    return store.save(project)


def withdraw_project(command: WithdrawProject, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    project = store.get(Project, command.project_id)
    project.decline_ownership(now)
    return store.save(project)


def open_project(store: Store, id: UUID) -> Project:
    """The project, for something that goes into it. Raises ProjectIsArchived."""
    project = store.get(Project, id)
    project.must_be_open()
    return project


def _must_have(actor: Actor, project: Project, role: ProjectRole) -> None:
    """Nobody gives away what they do not have: else a guest's project would open the machines to guests."""
    own = Role(str(actor.role))
    for permission in sorted(IN_PROJECT[role]):
        if reach(own, permission) is None and not project.lets(actor.id, permission):
            raise Forbidden(f"the role {own} does not include {permission}, so it can make nobody a {role}")


def _place_of_one_who_owned(membership: Membership) -> ProjectRole:
    """As much as the role in the organization allows anyway."""
    if membership.role is not None and reach(membership.role, Permission.REQUEST_TRAINING) is not None:
        return ProjectRole.MAINTAINER
    return ProjectRole.VIEWER


def _active(store: Store, project: Project, person_id: UUID) -> None:
    membership = store.find(Membership, membership_id(project.organization_id, person_id))
    if membership is None or not membership.active:
        raise PersonIsNoMember("this person is no member of your organization; somebody has to let it in first")


def home(actor: Actor) -> UUID:
    """The organization in which a member acts."""
    assert actor.organization_id is not None, "a member always acts inside an organization"
    return actor.organization_id
