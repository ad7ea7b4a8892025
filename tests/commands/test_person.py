from uuid import UUID

import pytest
from pydantic import SecretStr, ValidationError
from uuid_utils.compat import uuid7

from commands.person import EmailIsTaken, RegisterPerson
from commands.ports import Accepted
from domain.membership import Membership
from domain.organization import Organization
from domain.person import Person
from domain.roles import Role
from domain.values import Erased
from infra.common_passwords import PasswordIsCommon
from infra.ledger import Verdict
from tests.commands.conftest import ACME, ANN, register
from tests.spec import NOBODY, Spec

DAN = UUID(int=104)


def test_the_first_member_of_an_organization_is_its_admin() -> None:
    Spec().by(NOBODY).when(register(ANN, "ann")).then(
        (Person.Registered, {"email": "ann@example.org", "full_name": "Ann"}),
        (Organization.Founded, {"company": "Acme", "division": "Vision"}),
        (Organization.SeatTaken, {"person_id": ANN}),
        (Organization.AdminAdded, {"person_id": ANN}),
        (Membership.Requested, {"person_id": ANN}),
        (Membership.Approved, {"role": Role.ADMIN}),
    )


def test_a_later_member_waits_for_approval(spec: Spec) -> None:
    spec.by(NOBODY).when(register(DAN, "dan", " ACME ", "vision")).then(
        (Person.Registered, {"organization_id": ACME}), (Membership.Requested, {"organization_id": ACME})
    )


def test_an_address_is_registered_once(spec: Spec) -> None:
    spec.by(NOBODY).when(register(DAN, "ANN")).then_refused(EmailIsTaken, "sign in")


def test_who_asks_again_while_the_first_is_at_work_is_told_what_that_one_did(
    spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, first = {"command_id": uuid7(), "fingerprint": b"body"}, list[Accepted]()
    look = spec.ledger.command

    def too_early(id: UUID) -> Verdict | None:
        monkeypatch.setattr(spec.ledger, "command", look)
        first.append(spec.do(register(DAN, "dan"), **asked))
        return None

    monkeypatch.setattr(spec.ledger, "command", too_early)
    assert [spec.by(NOBODY).do(register(UUID(int=110), "dan"), **asked)] == first
    with pytest.raises(EmailIsTaken):
        spec.do(register(UUID(int=111), "dan"), command_id=uuid7(), fingerprint=b"body")


def test_an_erased_person_reads_as_erased_and_still_replays(spec: Spec) -> None:
    spec.keys.erase(ANN)
    registered = spec.events()[0]
    assert isinstance(registered, Person.Registered)
    assert registered.email == Erased()
    assert str(registered.full_name) == "[erased]"


def test_nobody_is_called_as_another_wherever_they_belong_to(spec: Spec) -> None:
    wished = register(ANN, "ann").avatar_name
    for person, company in ((DAN, "Acme"), (UUID(int=109), "Evil")):
        again = register(person, f"p{person.int}", company).model_copy(update={"avatar_name": wished})
        spec.by(NOBODY).given(again)
    called = [event.avatar_name for event in spec.events() if isinstance(event, Person.Registered)]
    assert len(called) == len(set(called))
    assert called[-2:] == ["red-fox-104", "red-fox-106"]


@pytest.mark.parametrize(
    "password", ["annspassword", "ann@example!", "acme-acme-2026", "Vision-2026-07", "vistory2026!"]
)
def test_what_everybody_knows_of_one_is_no_password(password: str) -> None:
    wish = register(ANN, "ann").model_copy(update={"password": SecretStr(password)})
    Spec().by(NOBODY).when(wish).then_refused(PasswordIsCommon)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "no at sign"},
        {"email": "a" * 320 + "@x.org"},
        {"full_name": " "},
        {"full_name": "line\nbreak"},
        {"full_name": "nul\x00"},
        {"password": "short"},
        {"password": "x" * 257},
        {"company": "x" * 201},
        {"role": "admin"},
        {"avatar_name": "ann"},
        {"avatar_name": "red-fox-x"},
    ],
)
def test_senseless_registrations_are_no_command(change: dict[str, str]) -> None:
    whole = register(ANN, "ann").model_dump() | {"password": "correct horse battery"} | change
    with pytest.raises(ValidationError):
        RegisterPerson.model_validate(whole)


def test_a_password_is_in_no_event_and_no_representation(spec: Spec) -> None:
    assert "correct horse" not in repr(register(ANN, "ann"))
    assert all(b"correct horse" not in row.stored.state for row in spec.ledger.rows)
    assert all(b"example.org" not in row.stored.state for row in spec.ledger.rows)
