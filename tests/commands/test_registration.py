from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from commands.access import Caller
from commands.email import VerifyEmail
from commands.link import LinkIsOver
from commands.person import EmailIsTaken
from commands.ports import Purpose
from commands.registration import CompleteRegistration, DropRegistration, RequestRegistration
from domain.errors import Conflict, Forbidden, NotFound
from domain.language import Language
from domain.membership import Membership
from domain.model import SYSTEM
from domain.organization import Organization
from domain.person import Person
from infra.common_passwords import PasswordIsCommon
from tests.commands.conftest import ANN, register
from tests.doubles import MemorySecrets, link_token
from tests.spec import NOBODY, Spec

ASKING = UUID(int=106)
platform = Caller(kind="system", id=SYSTEM)


def ask(person_id: UUID, name: str, company: str = "Acme", **other: object) -> RequestRegistration:
    wish = register(person_id, name, company)
    return RequestRegistration(**{**dict(wish), **other})


asking = ask(ASKING, "ida")


def complete(
    person_id: UUID = ASKING, of: UUID = ASKING, purpose: Purpose = Purpose.REGISTRATION
) -> CompleteRegistration:
    return CompleteRegistration(person_id=person_id, token=link_token(purpose, of, 1))


@pytest.fixture
def anybody(spec: Spec) -> Spec:
    return spec.by(NOBODY)


def secrets(spec: Spec) -> MemorySecrets:
    return MemorySecrets(spec.ledger, [])


@pytest.mark.parametrize("password", ["ida@example!", "acme-acme-2026"])
def test_what_everybody_knows_of_one_is_no_password(anybody: Spec, password: str) -> None:
    anybody.when(ask(ASKING, "ida", password=SecretStr(password))).then_refused(PasswordIsCommon)


@pytest.mark.parametrize("name", ["ida", "ann"])
def test_who_asks_is_in_no_event_and_the_answer_is_the_same_whoever_has_the_address(anybody: Spec, name: str) -> None:
    anybody.when(ask(ASKING, name)).then()
    assert secrets(anybody).registration(ASKING) is not None


def test_the_account_begins_with_the_link_and_its_address_is_verified(anybody: Spec) -> None:
    anybody.given(ask(ASKING, "ida", "Ida's", language=Language.KOREAN)).when(complete()).then(
        (Person.Registered, {"originator_id": ASKING, "email": "ida@example.org"}),
        (Person.LanguageChosen, {"language": Language.KOREAN}),
        (Person.EmailVerified, {}),
        (Organization.Founded, {}),
        (Organization.SeatTaken, {}),
        (Organization.AdminAdded, {}),
        (Membership.Requested, {"person_id": ASKING}),
        (Membership.Approved, {}),
    )
    assert secrets(anybody).registration(ASKING) is None
    assert secrets(anybody).person_of("ida@example.org") == ASKING


def test_of_two_who_ask_with_one_address_the_first_to_prove_it_has_it(anybody: Spec) -> None:
    other = UUID(int=107)
    anybody.given(asking, ask(other, "IDA"), complete(other, other)).when(complete()).then_refused(EmailIsTaken)


def test_a_link_is_good_once_and_for_a_day(anybody: Spec) -> None:
    anybody.given(asking)
    anybody.now += timedelta(days=1)
    anybody.when(complete()).then_refused(LinkIsOver, "too old")
    anybody.now -= timedelta(hours=1)
    anybody.given(complete()).when(complete()).then_refused(LinkIsOver, "used already")


@pytest.mark.parametrize(
    "wrong",
    [complete(ANN), complete(of=ANN), complete(purpose=Purpose.VERIFICATION)],
)
def test_no_other_link_begins_an_account(anybody: Spec, wrong: CompleteRegistration) -> None:
    anybody.given(asking).when(wrong).then_refused(LinkIsOver)
    verify = VerifyEmail(person_id=ASKING, token=link_token(Purpose.REGISTRATION, ASKING, 1))
    anybody.when(verify).then_refused(LinkIsOver)


def test_nobody_asks_under_the_id_of_a_person(anybody: Spec) -> None:
    anybody.when(ask(ANN, "ida")).then_refused(Conflict)


def test_who_never_follows_the_link_is_forgotten(anybody: Spec) -> None:
    anybody.given(asking).by(platform).when(DropRegistration(person_id=ASKING)).then()
    assert secrets(anybody).registration(ASKING) is None
    anybody.by(NOBODY).when(complete()).then_refused(LinkIsOver)


def test_a_person_is_dropped_by_nobody(anybody: Spec) -> None:
    anybody.when(DropRegistration(person_id=ASKING)).then_refused(Forbidden)
    anybody.by(platform).when(DropRegistration(person_id=ANN)).then_refused(NotFound)
