"""What the platform does to an organization that was closed: what went on in it ends, and in time all of it does."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, Platform
from commands.dataset import OfDataset
from commands.invitation import cancelled
from commands.membership import end_membership
from commands.ports import Accepted, Secrets, Store, Trainings
from commands.project import OfProject
from commands.service_account import end_account
from commands.trash import save_unused
from domain.closure import Closure, OrganizationIsNotClosed, closure_id
from domain.invitation import CancelReason, Invitation
from domain.membership import Membership, membership_id
from domain.model import Actor
from domain.organization import Organization, Quotas
from domain.project import Project
from domain.service_account import ServiceAccount
from domain.training import EndReason
from domain.training_job import TrainingJob
from domain.values import Count


class StopTraining(Command):
    """Of what went on as the organization closed, also if it was reopened since; so it is with an invitation."""

    ACCESS: ClassVar[Access] = Platform()
    job_id: UUID


class StopInvitation(Command):
    """`upto` is the version of it that was reached before the closing: what was sent again since is let be."""

    ACCESS: ClassVar[Access] = Platform()
    invitation_id: UUID
    upto: Count


class StopProjectOffer(OfProject):
    """`upto` is the version of the project in which the offer was made: one that was made since is let be."""

    ACCESS: ClassVar[Access] = Platform()
    upto: Count


class StopDatasetOffer(OfDataset):
    ACCESS: ClassVar[Access] = Platform()
    upto: Count


class PurgeOrganization(Command):
    """Once its time is over; nobody can reopen it from then on."""

    ACCESS: ClassVar[Access] = Platform()
    organization_id: UUID


class DissolveProject(OfProject):
    """Of an organization that has ended, as are the ones below."""

    ACCESS: ClassVar[Access] = Platform()


class DissolveDataset(OfDataset):
    ACCESS: ClassVar[Access] = Platform()


class DissolveServiceAccount(Command):
    ACCESS: ClassVar[Access] = Platform()
    service_account_id: UUID


class DissolveMembership(Command):
    """The person stays, and so does its place in other organizations."""

    ACCESS: ClassVar[Access] = Platform()
    membership_id: UUID


def stop_training(command: StopTraining, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    job = store.get(TrainingJob, command.job_id)
    _must_have_been_closed(job.organization_id, store)
    job.stop(now, EndReason.ORGANIZATION_CLOSED)
    return store.save(job)


def stop_invitation(
    command: StopInvitation, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    """Raises InvitationIsOver."""
    invitation = store.get(Invitation, command.invitation_id)
    _must_have_been_closed(invitation.organization_id, store)
    if invitation.version <= command.upto:
        cancelled(invitation, CancelReason.ORGANIZATION_CLOSED, now, secrets)
    return store.save(invitation)


def stop_offer(command: StopProjectOffer | StopDatasetOffer, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    thing = command.thing(store)
    _must_have_been_closed(thing.organization_id, store)
    thing.end_offer(command.upto, now)
    return store.save(thing)


def purge_organization(command: PurgeOrganization, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    organization = store.get(Organization, command.organization_id)
    closure = _must_be_closed(organization.id, store)
    closure.purge(now)
    organization.change_quotas(Quotas(max_users=0, max_storage_gb=0, max_gpu_hours_per_month=0), now)
    return store.save(organization, closure)


def dissolve_thing(
    command: DissolveProject | DissolveDataset,
    actor: Actor,
    now: datetime,
    *,
    store: Store,
    trainings: Trainings,
    secrets: Secrets,
) -> Accepted:
    """Through the trash, where it does not lie for a while. Raises IsInUse."""
    thing = command.thing(store)
    _must_have_ended(thing.organization_id, store)
    if thing.purge_at is None:
        thing.delete(now, now)
    thing.purge_now(now)
    owner = _owner(thing, store) if isinstance(thing, Project) else None
    if owner is None:
        return save_unused(thing, now, store, trainings, secrets)
    owner.release_project(thing.id, now)
    return save_unused(thing, now, store, trainings, secrets, owner)


def dissolve_service_account(
    command: DissolveServiceAccount, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    account = store.get(ServiceAccount, command.service_account_id)
    _must_have_ended(account.organization_id, store)
    return store.save(account, *end_account(account, now, store=store, secrets=secrets))


def dissolve_membership(
    command: DissolveMembership, actor: Actor, now: datetime, *, store: Store, secrets: Secrets
) -> Accepted:
    """Raises MemberOwnsProjects."""
    membership = store.get(Membership, command.membership_id)
    organization = store.get(Organization, membership.organization_id)
    _must_have_ended(organization.id, store)
    return store.save(*end_membership(membership, organization, now, store=store, secrets=secrets, ended=True))


def _owner(project: Project, store: Store) -> Membership | None:
    return store.find(Membership, membership_id(project.organization_id, project.owner_id))


def _must_have_been_closed(organization_id: UUID, store: Store) -> Closure:
    """Raises OrganizationIsNotClosed."""
    closure = store.find(Closure, closure_id(organization_id))
    if closure is None:
        raise OrganizationIsNotClosed("this organization was never closed")
    return closure


def _must_be_closed(organization_id: UUID, store: Store) -> Closure:
    """It may have been reopened since. Raises OrganizationIsNotClosed."""
    closure = _must_have_been_closed(organization_id, store)
    closure.must_be_closed()
    return closure


def _must_have_ended(organization_id: UUID, store: Store) -> None:
    """Raises OrganizationIsNotClosed."""
    if not _must_be_closed(organization_id, store).purged:
        raise OrganizationIsNotClosed("this organization is closed, and has not ended")
