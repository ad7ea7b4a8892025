"""An organization: the wall around its data; it holds its admins, its seats and its quotas."""

import unicodedata
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Final, Self
from uuid import UUID, uuid5

from domain.errors import Refused
from domain.model import Aggregate, Event, InitialEvent
from domain.values import Count, Name, Value

GIGABYTE: Final = 10**9
MOST_SERVICE_ACCOUNTS: Final = 50
_NAMESPACE: Final = UUID("6f0c4e5e-6d1c-5a3f-9a55-7a1f0b6a2d10")


class Admission(StrEnum):
    """Who may join by typing the organization's name."""

    OPEN = "open"
    APPROVAL = "approval"
    INVITATION = "invitation"


class Quotas(Value):
    max_users: Count = 50
    max_storage_gb: Count = 100
    max_gpu_hours_per_month: Count = 100


class OrganizationIsFull(Refused):
    pass


class StorageIsFull(Refused):
    pass


class GpuHoursAreUsedUp(Refused):
    pass


class OrganizationNeedsAnAdmin(Refused):
    pass


class TooManyServiceAccounts(Refused):
    pass


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def organization_id(company: str, division: str) -> UUID:
    """The same company and division, however they are typed, are the same organization."""
    return uuid5(_NAMESPACE, f"{_folded(company)}\x00{_folded(division)}")


def successor_id(id: UUID) -> UUID:
    """Of whoever founds the same company and division anew, once that organization has ended for good."""
    return uuid5(id, "successor")


def in_gb(size: int) -> str:
    """Rounded up to the next thousandth, so that nothing takes 0.000 GB."""
    return f"{-(-size // 10**6) / 1000:.3f} GB"


def month_of(now: datetime) -> datetime:
    """Its first moment; months are those of UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


class Organization(Aggregate):
    TOPIC: ClassVar[str] = "organization"

    class Founded(InitialEvent):
        TOPIC: ClassVar[str] = "organization.founded"
        company: Name
        division: Name
        name: Name
        admission: Admission
        quotas: Quotas

        def apply(self, aggregate: "Organization") -> None:
            aggregate.name = self.name
            aggregate.admission = self.admission
            aggregate.quotas = self.quotas
            aggregate.seats = set()
            aggregate.admins = set()
            aggregate.service_accounts = set()

    class Renamed(Event):
        TOPIC: ClassVar[str] = "organization.renamed"
        name: Name
        previous: Name

        def apply(self, aggregate: "Organization") -> None:
            aggregate.name = self.name

    class AdmissionChanged(Event):
        TOPIC: ClassVar[str] = "organization.admission_changed"
        admission: Admission
        previous: Admission

        def apply(self, aggregate: "Organization") -> None:
            aggregate.admission = self.admission

    class QuotasChanged(Event):
        TOPIC: ClassVar[str] = "organization.quotas_changed"
        quotas: Quotas
        previous: Quotas

        def apply(self, aggregate: "Organization") -> None:
            aggregate.quotas = self.quotas

    class SeatTaken(Event):
        TOPIC: ClassVar[str] = "organization.seat_taken"
        person_id: UUID

        def apply(self, aggregate: "Organization") -> None:
            aggregate.seats.add(self.person_id)

    class SeatReleased(Event):
        TOPIC: ClassVar[str] = "organization.seat_released"
        person_id: UUID

        def apply(self, aggregate: "Organization") -> None:
            aggregate.seats.discard(self.person_id)

    class AdminAdded(Event):
        TOPIC: ClassVar[str] = "organization.admin_added"
        person_id: UUID

        def apply(self, aggregate: "Organization") -> None:
            aggregate.admins.add(self.person_id)

    class AdminRemoved(Event):
        TOPIC: ClassVar[str] = "organization.admin_removed"
        person_id: UUID

        def apply(self, aggregate: "Organization") -> None:
            aggregate.admins.discard(self.person_id)

    class ServiceAccountAdded(Event):
        TOPIC: ClassVar[str] = "organization.service_account_added"
        service_account_id: UUID

        def apply(self, aggregate: "Organization") -> None:
            aggregate.service_accounts.add(self.service_account_id)

    class ServiceAccountRemoved(Event):
        TOPIC: ClassVar[str] = "organization.service_account_removed"
        service_account_id: UUID

        def apply(self, aggregate: "Organization") -> None:
            aggregate.service_accounts.discard(self.service_account_id)

    name: str
    admission: Admission
    quotas: Quotas
    seats: set[UUID]
    admins: set[UUID]
    service_accounts: set[UUID]

    @property
    def organization(self) -> UUID:
        return self.id

    @classmethod
    def found(cls, company: str, division: str, now: datetime, id: UUID | None = None) -> Self:
        """`id` is another one where those who had this company and division before have ended."""
        return cls._create(
            cls.Founded,
            id=id or organization_id(company, division),
            company=company,
            division=division,
            name=f"{company} / {division}"[:200],
            admission=Admission.APPROVAL,
            quotas=Quotas(),
            timestamp=now,
        )

    def rename(self, name: str, now: datetime) -> None:
        """Its company and division, by which it is found, stay."""
        if name != self.name:
            self.trigger_event(self.Renamed, name=name, previous=self.name, timestamp=now)

    def admit_by(self, admission: Admission, now: datetime) -> None:
        if admission is not self.admission:
            self.trigger_event(self.AdmissionChanged, admission=admission, previous=self.admission, timestamp=now)

    def change_quotas(self, quotas: Quotas, now: datetime) -> None:
        """Below what is used already, nothing is taken away, and no more is given."""
        if quotas != self.quotas:
            self.trigger_event(self.QuotasChanged, quotas=quotas, previous=self.quotas, timestamp=now)

    def must_have_room(self, stored: int, promised: int, more: int) -> None:
        """For so many bytes beside those that are stored, and those promised to uploads. Raises StorageIsFull."""
        if stored + promised + more > self.quotas.max_storage_gb * GIGABYTE:
            awaited = f" waits for {in_gb(promised)} that uploads have named," if promised else ""
            raise StorageIsFull(
                f"{self.name} stores {stored / GIGABYTE:.3f} of {self.quotas.max_storage_gb} GB (quota max_storage_gb),"
                f"{awaited} and this takes {in_gb(more)} more; an admin of the organization can raise the quota"
            )

    def must_have_gpu_hours(self, used: float) -> None:
        """Beside those that were used in this month. Raises GpuHoursAreUsedUp."""
        if words := self.why_no_gpu(used):
            raise GpuHoursAreUsedUp(words)

    def why_no_gpu(self, used: float) -> str | None:
        if used < self.quotas.max_gpu_hours_per_month:
            return None
        return (
            f"{self.name} has used {used:.1f} of {self.quotas.max_gpu_hours_per_month} GPU hours in this month (quota "
            "max_gpu_hours_per_month); an admin of the organization can raise it, and the device cpu needs none"
        )

    @property
    def is_full(self) -> bool:
        return len(self.seats) >= self.quotas.max_users

    def seat(self, person_id: UUID, now: datetime) -> None:
        self.must_have_seat_for(person_id)
        if person_id not in self.seats:
            self.trigger_event(self.SeatTaken, person_id=person_id, timestamp=now)

    def must_have_seat_for(self, person_id: UUID) -> None:
        """Whoever has one keeps it. Raises OrganizationIsFull."""
        if person_id not in self.seats:
            self.must_have_seat()

    def must_have_seat(self, promised: int = 0) -> None:
        """Beside so many that pending invitations may take. Raises OrganizationIsFull."""
        if len(self.seats) + promised >= self.quotas.max_users:
            invited = f" and has invited {promised} more" if promised else ""
            raise OrganizationIsFull(
                f"{self.name} has {len(self.seats)} of {self.quotas.max_users} users (quota max_users){invited}; "
                "an admin of the organization can raise it"
            )

    def let_go(self, person_id: UUID, now: datetime, *, ended: bool = False) -> None:
        """Whoever goes is no admin any more and frees a seat; where it has ended, the last admin, too.

        Raises OrganizationNeedsAnAdmin.
        """
        if not ended:
            self.remove_admin(person_id, now)
        elif person_id in self.admins:
            self.trigger_event(self.AdminRemoved, person_id=person_id, timestamp=now)
        if person_id in self.seats:
            self.trigger_event(self.SeatReleased, person_id=person_id, timestamp=now)

    def add_admin(self, person_id: UUID, now: datetime) -> None:
        if person_id not in self.admins:
            self.trigger_event(self.AdminAdded, person_id=person_id, timestamp=now)

    def remove_admin(self, person_id: UUID, now: datetime) -> None:
        if person_id not in self.admins:
            return
        self.must_have_another_admin(person_id)
        self.trigger_event(self.AdminRemoved, person_id=person_id, timestamp=now)

    def must_have_another_admin(self, person_id: UUID) -> None:
        """Raises OrganizationNeedsAnAdmin."""
        if self.admins == {person_id}:
            raise OrganizationNeedsAnAdmin(f"{self.name} would be left without an admin: name another one first")

    def add_service_account(self, id: UUID, now: datetime) -> None:
        """It takes no seat: those are for people."""
        self.must_have_few_service_accounts()
        self.trigger_event(self.ServiceAccountAdded, service_account_id=id, timestamp=now)

    def must_have_few_service_accounts(self) -> None:
        """Raises TooManyServiceAccounts."""
        if len(self.service_accounts) >= MOST_SERVICE_ACCOUNTS:
            raise TooManyServiceAccounts(f"{self.name} has {MOST_SERVICE_ACCOUNTS} service accounts; delete one first")

    def remove_service_account(self, id: UUID, now: datetime) -> None:
        if id in self.service_accounts:
            self.trigger_event(self.ServiceAccountRemoved, service_account_id=id, timestamp=now)
