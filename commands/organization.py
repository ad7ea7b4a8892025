"""What one may ask of an organization: another name, another way to join it, other quotas."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from commands.access import Access, Command, May
from commands.ports import Accepted, Store
from domain.model import Actor
from domain.organization import Admission, Organization, Quotas
from domain.roles import Permission
from domain.values import Count, Name, Value


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
    name: Name | None = None
    admission: Admission | None = None


def change_organization(command: ChangeOrganization, actor: Actor, now: datetime, *, store: Store) -> Accepted:
    organization = store.get(Organization, command.organization_id)
    if command.name is not None:
        organization.rename(command.name, now)
    if command.admission is not None:
        organization.admit_by(command.admission, now)
    organization.change_quotas(command.of(organization.quotas), now)
    return store.save(organization)
