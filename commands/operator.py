"""What one may ask as operator of the platform: other quotas for an organization. Who is one, the host itself says."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, Operator, Platform
from commands.organization import QuotaChange
from commands.ports import Accepted, Store
from domain.model import Actor
from domain.organization import Organization
from domain.person import Person


class AppointOperator(Command):
    ACCESS: ClassVar[Access] = Platform()
    person_id: UUID


class DismissOperator(Command):
    ACCESS: ClassVar[Access] = Platform()
    person_id: UUID


class ChangeQuotas(Command, QuotaChange):
    """Of any organization. What is left out stays as it is."""

    ACCESS: ClassVar[Access] = Operator()
    organization_id: UUID


def appoint_operator(command: AppointOperator, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    person = store.get(Person, command.person_id)
    person.become_operator(now)
    return store.save(person)


def dismiss_operator(command: DismissOperator, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    person = store.get(Person, command.person_id)
    person.stop_being_operator(now)
    return store.save(person)


def change_quotas(command: ChangeQuotas, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    organization = store.get(Organization, command.organization_id)
    organization.change_quotas(command.of(organization.quotas), now)
    return store.save(organization)
