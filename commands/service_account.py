"""What one may ask of a service account: to be made, named, shut out or deleted, and to be given API tokens.

Whoever manages them does so below its own role, as with people. A service account acts by its tokens alone, so that it
can do nothing that has no scope: it manages neither people nor places, neither tokens nor the organization.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May
from commands.api_token import MakesToken, begin_token, end_token, end_tokens
from commands.membership import must_be_able_to_grant
from commands.ports import Accepted, Secrets, Store, Subscribers
from commands.project import home
from domain.api_token import ApiToken, OwnerKind
from domain.errors import NotFound
from domain.model import Actor, Aggregate
from domain.organization import Organization
from domain.roles import Permission, Role
from domain.service_account import ServiceAccount, SubscriptionStart
from domain.values import PlainName

_ON_ONE: Access = May(Permission.MANAGE_SERVICE_ACCOUNTS, ServiceAccount, "service_account_id")

_SUBSCRIBING: Access = May(Permission.MANAGE_SUBSCRIPTIONS, ServiceAccount, "service_account_id")


class CreateServiceAccount(Command):
    ACCESS: ClassVar[Access] = May(Permission.MANAGE_SERVICE_ACCOUNTS)
    service_account_id: UUID
    name: PlainName
    role: Role


class RenameServiceAccount(Command):
    ACCESS: ClassVar[Access] = _ON_ONE
    service_account_id: UUID
    name: PlainName


class ChangeServiceRole(Command):
    ACCESS: ClassVar[Access] = _ON_ONE
    service_account_id: UUID
    role: Role


class DisableServiceAccount(Command):
    """Shut out at once; its tokens are good again when it is enabled."""

    ACCESS: ClassVar[Access] = _ON_ONE
    service_account_id: UUID


class EnableServiceAccount(Command):
    ACCESS: ClassVar[Access] = _ON_ONE
    service_account_id: UUID


class DeleteServiceAccount(Command):
    """For good, with its tokens; what it made stays."""

    ACCESS: ClassVar[Access] = _ON_ONE
    service_account_id: UUID


class Subscribe(Command):
    """To every event of the organization, those about what is private to somebody among them: admins alone allow it."""

    ACCESS: ClassVar[Access] = _SUBSCRIBING
    service_account_id: UUID
    since: SubscriptionStart


class Unsubscribe(Command):
    """Its place on the bus is somebody else's soon, and where it stood is forgotten."""

    ACCESS: ClassVar[Access] = _SUBSCRIBING
    service_account_id: UUID


class CreateServiceToken(MakesToken):
    ACCESS: ClassVar[Access] = _ON_ONE
    service_account_id: UUID


class RevokeServiceToken(Command):
    ACCESS: ClassVar[Access] = _ON_ONE
    service_account_id: UUID
    token_id: UUID


def create_service_account(command: CreateServiceAccount, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    must_be_able_to_grant(actor, command.role)
    organization = store.get(Organization, home(actor))
    account = ServiceAccount.create(command.service_account_id, organization.id, command.name, command.role, now)
    organization.add_service_account(account.id, now)
    return store.save(account, organization)


def rename_service_account(command: RenameServiceAccount, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    account = _managed(command.service_account_id, actor, store)
    account.rename(command.name, now)
    return store.save(account)


def change_service_role(command: ChangeServiceRole, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    account = _managed(command.service_account_id, actor, store)
    must_be_able_to_grant(actor, command.role)
    account.change_role(command.role, now)
    return store.save(account)


def disable_service_account(command: DisableServiceAccount, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    account = _managed(command.service_account_id, actor, store)
    account.disable(now)
    return store.save(account)


def enable_service_account(command: EnableServiceAccount, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    account = _managed(command.service_account_id, actor, store)
    account.enable(now)
    return store.save(account)


def delete_service_account(
    command: DeleteServiceAccount, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    account = _managed(command.service_account_id, actor, store)
    return store.save(account, *end_account(account, now, store=store, secrets=secrets))


def end_account(account: ServiceAccount, now: datetime, *, store: Store, secrets: Secrets) -> list[Aggregate]:
    """With its tokens. Returns what else changed."""
    organization = store.get(Organization, account.organization_id)
    account.delete(now)
    organization.remove_service_account(account.id, now)
    return [organization, *end_tokens(organization.id, account.id, now, store=store, secrets=secrets)]


def subscribe(command: Subscribe, actor: Actor, now: datetime, *, store: Store, subscribers: Subscribers) -> Accepted:
    account = store.get(ServiceAccount, command.service_account_id)
    anew = not account.subscribed
    account.subscribe(command.since, now)
    subscribers.take(account.organization_id, account.id, command.since, anew=anew)
    return store.save(account)


def unsubscribe(command: Unsubscribe, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    account = store.get(ServiceAccount, command.service_account_id)
    account.unsubscribe(now)
    return store.save(account)


def create_service_token(
    command: CreateServiceToken, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    account = _managed(command.service_account_id, actor, store)
    account.must_be_there()
    return store.save(begin_token(command, account.organization_id, (OwnerKind.SERVICE, account.id), now, secrets))


def revoke_service_token(
    command: RevokeServiceToken, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    account = _managed(command.service_account_id, actor, store)
    token = store.get(ApiToken, command.token_id)
    if token.owner_id != account.id:
        raise NotFound(f"the service account {account.name!r} has no API token {token.id}")
    return store.save(end_token(token, now, secrets))


def _managed(id: UUID, actor: Actor, store: Store) -> ServiceAccount:
    """Raises Forbidden where its role is none that the actor may grant."""
    account = store.get(ServiceAccount, id)
    must_be_able_to_grant(actor, account.role)
    return account
