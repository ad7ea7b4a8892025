"""An organization: the wall around its data; it holds its admins, its seats and its quotas."""

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, Self
from uuid import UUID, uuid5

from domain.errors import Refused
from domain.model import Aggregate, Event, InitialEvent
from domain.values import Count, Name, Value

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


class OrganizationNeedsAnAdmin(Refused):
    pass


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def organization_id(company: str, division: str) -> UUID:
    """The same company and division, however they are typed, are the same organization."""
    return uuid5(_NAMESPACE, f"{_folded(company)}\x00{_folded(division)}")


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

    class SeatTaken(Event):
        TOPIC: ClassVar[str] = "organization.seat_taken"
        person_id: UUID

        def apply(self, aggregate: "Organization") -> None:
            aggregate.seats.add(self.person_id)

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

    name: str
    admission: Admission
    quotas: Quotas
    seats: set[UUID]
    admins: set[UUID]

    @property
    def organization(self) -> UUID:
        return self.id

    @classmethod
    def found(cls, company: str, division: str, now: datetime) -> Self:
        return cls._create(
            cls.Founded,
            id=organization_id(company, division),
            company=company,
            division=division,
            name=f"{company} / {division}"[:200],
            admission=Admission.APPROVAL,
            quotas=Quotas(),
            timestamp=now,
        )

    def seat(self, person_id: UUID, now: datetime) -> None:
        if person_id in self.seats:
            return
        if len(self.seats) >= self.quotas.max_users:
            raise OrganizationIsFull(
                f"{self.name} has {len(self.seats)} of {self.quotas.max_users} users (quota max_users); "
                "an admin of the organization can raise it"
            )
        self.trigger_event(self.SeatTaken, person_id=person_id, timestamp=now)

    def add_admin(self, person_id: UUID, now: datetime) -> None:
        if person_id not in self.admins:
            self.trigger_event(self.AdminAdded, person_id=person_id, timestamp=now)

    def remove_admin(self, person_id: UUID, now: datetime) -> None:
        if person_id not in self.admins:
            return
        if self.admins == {person_id}:
            raise OrganizationNeedsAnAdmin(f"{self.name} would be left without an admin: name another one first")
        self.trigger_event(self.AdminRemoved, person_id=person_id, timestamp=now)
