"""What one may ask of a project."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May
from commands.ports import Accepted, Store
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.project import Project
from domain.roles import Permission
from domain.values import Name, Text


class CreateProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.CREATE_PROJECT)
    project_id: UUID
    name: Name
    description: Text = ""


class RenameProject(Command):
    ACCESS: ClassVar[Access] = May(Permission.CHANGE_PROJECT, Project, "project_id")
    project_id: UUID
    name: Name


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


def home(actor: Actor) -> UUID:
    """The organization in which a member acts."""
    assert actor.organization_id is not None, "a member always acts inside an organization"
    return actor.organization_id
