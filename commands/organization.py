"""What one may ask of an organization: another name, another way to join it, other quotas."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May
from commands.inside import has_second_factor
from commands.ports import Accepted, Store
from domain.model import Actor
from domain.organization import Admission, Organization, Quotas
from domain.roles import Permission
from domain.second_factor import SecondFactorIsOff
from domain.security_policy import SecurityPolicy, security_policy_id
from domain.values import Count, Flag, PlainName, Value


class QuotaChange(Value):
    """What is left out stays as it is."""

    max_users: Count | None = None
    max_storage_gb: Count | None = None
    max_gpu_hours_per_month: Count | None = None

    def of(self, quotas: Quotas) -> Quotas:
        return quotas.model_copy(update=self.model_dump(include=set(QuotaChange.model_fields), exclude_none=True))


class ChangeOrganization(Command, QuotaChange):
    """What is left out stays as it is."""

    ACCESS: ClassVar[Access] = May(Permission.CHANGE_ORGANIZATION, Organization, "organization_id")
    organization_id: UUID
    name: PlainName | None = None
    admission: Admission | None = None
    second_factor_required: Flag | None = None


def change_organization(command: ChangeOrganization, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    organization = store.get(Organization, command.organization_id)
    if command.name is not None:
        organization.rename(command.name, now)
    if command.admission is not None:
        organization.admit_by(command.admission, now)
    organization.change_quotas(command.of(organization.quotas), now)
    if command.second_factor_required is None:
        return store.save(organization)
    return store.save(organization, _ruled(command.second_factor_required, organization, actor, now, store))


def _ruled(required: bool, organization: Organization, actor: Actor, now: datetime, store: Store) -> SecurityPolicy:
    """Whoever asks it of others has it: so the way works, and an admin is left who can take the rule back."""
    if required and not has_second_factor(actor.id, store):
        raise SecondFactorIsOff("turn on a second factor of your own before you ask one of every member")
    found = store.find(SecurityPolicy, security_policy_id(organization.id))
    policy = found or SecurityPolicy.begin(organization.id, now)
    policy.require_second_factor(required, now)
    return policy
