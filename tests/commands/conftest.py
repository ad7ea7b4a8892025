from uuid import UUID

import pytest

from commands.access import Caller
from commands.email import VerifyEmail
from commands.membership import ApproveMember
from commands.person import RegisterPerson
from commands.ports import Purpose
from domain.membership import membership_id
from domain.organization import organization_id
from domain.roles import Role
from tests.doubles import link_token
from tests.spec import NOBODY, Spec

ACME = organization_id("Acme", "Vision")
ANN, BEN, EVE, CAT = UUID(int=101), UUID(int=102), UUID(int=103), UUID(int=105)
ann = Caller(kind="person", id=ANN, organization_id=ACME)
ben = Caller(kind="person", id=BEN, organization_id=ACME)
cat = Caller(kind="person", id=CAT, organization_id=ACME)
eve = Caller(kind="person", id=EVE, organization_id=organization_id("Evil", "Corp"))


def register(person_id: UUID, name: str, company: str = "Acme", division: str = "Vision") -> RegisterPerson:
    return RegisterPerson(
        person_id=person_id,
        email=f"{name}@example.org",
        full_name=name.title(),
        avatar_name=f"red-fox-{person_id.int}",
        password="correct horse battery",
        company=company,
        division=division,
    )


@pytest.fixture
def unverified() -> Spec:
    """Ann is the admin of Acme, Ben and Cat wait there, Eve is the admin of another organization."""
    spec = Spec().by(NOBODY)
    spec.given(register(ANN, "ann"), register(BEN, "ben"), register(CAT, "cat"), register(EVE, "eve", "Evil", "Corp"))
    return spec.by(ann)


@pytest.fixture
def spec(unverified: Spec) -> Spec:
    """The same, once their addresses are verified."""
    return unverified.given(*(verify(each) for each in (ANN, BEN, CAT, EVE)))


def approve(person_id: UUID, role: Role) -> ApproveMember:
    return ApproveMember(membership_id=membership_id(ACME, person_id), role=role)


def verify(person_id: UUID) -> VerifyEmail:
    """By the link that was sent when the person registered, as somebody who speaks English."""
    return VerifyEmail(person_id=person_id, token=link_token(Purpose.VERIFICATION, person_id, 1))
