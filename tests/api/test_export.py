"""All that is held about oneself, over HTTP: what is told, what of others is not, and for how long it is kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import IO, Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from consumers.erasure import KEPT
from infra.config import Settings
from infra.erased import forget_invitations
from infra.exports import NAME
from infra.host import Host
from infra.personal_objects import PersonalObjects
from tests.api.letters import Delivered
from tests.api.phone import secured
from tests.api.visitor import PASSWORD, Visitor
from tests.whole import waited


@pytest.fixture
def admin(founder: Callable[[], Visitor]) -> Visitor:
    return founder()


def exported(who: Visitor) -> dict[str, Any]:
    for _ in range(200):
        answer = who("GET", "/users/me/export")
        if answer.status_code == 200:
            found: dict[str, Any] = httpx.get(answer.json()["url"], trust_env=False).json()
            return found
        assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")
        sleep(0.05)
    raise AssertionError("the export was never made")


def test_all_that_is_held_about_one_is_exported_and_nothing_of_others(admin: Visitor) -> None:
    engineer, other = admin.colleague("engineer_i"), admin.colleague("guest")
    engineer.post("/datasets", {"name": "theirs"})
    secured(engineer)
    engineer.get("/auth/me")
    admin.get("/datasets", Vistory_Min_Position=engineer.seen)
    found = exported(engineer)
    assert found["person_id"] == engineer.id
    assert [each["email"] for each in found["people"]] == [engineer.email]
    assert {each["topic"] for each in found["events"]} >= {"person.registered", "membership.approved"}
    assert [each["name"] for each in found["datasets"]] == ["theirs"]
    assert "dataset.created" in {each["topic"] for each in found["audit_entries"]}
    assert {(each["kind"], each["count"]) for each in found["secrets"]} >= {("passwords", 1), ("email_index", 1)}
    assert {(each["kind"], each["count"]) for each in found["secrets"]} >= {
        ("second_factors", 1),
        ("recovery_codes", 10),
    }
    assert [each["is_on"] for each in found["second_factors"]] == [True]
    assert "second_factor.turned_on" in {each["topic"] for each in found["events"]}
    assert other.email not in str(found)
    assert "$argon2" not in str(found)


def test_what_is_held_beside_the_history_is_exported_too(
    admin: Visitor, founder: Callable[[], Visitor], client: TestClient, delivered: Delivered
) -> None:
    engineer, inviter = admin.approve(Visitor(client).arrive(admin.company), "engineer_i"), founder()
    delivered()
    engineer.verified()
    elsewhere = Visitor(client).elsewhere()
    signing_in = {"email": engineer.email, "password": PASSWORD}
    assert elsewhere("POST", "/auth/login", signing_in, User_Agent="Lantern/1.0").status_code == 200
    assert elsewhere("POST", "/auth/login", signing_in | {"password": "not this one"}).status_code == 401
    inviter.post("/invitations", {"email": engineer.email, "message": "come over to us"})
    delivered()
    found = exported(engineer)
    (there,) = [each for each in found["sessions"] if each["device"] == "Lantern/1.0"]
    assert there["address"].startswith("10.77.")
    assert {"begun_at", "used_at", "organization_id"} <= there.keys()
    failed = [(each["kind"], each["network"], each["count"]) for each in found["security_log"]]
    assert failed == [("sign_in_failed", there["address"], 1)]
    (invitation,) = found["invitations_to"]
    assert (invitation["email"], invitation["message"]) == (engineer.email, "come over to us")
    assert invitation["organization_id"] == inviter.organization
    assert [(each["to"], each["subject"].partition(" ")[0]) for each in found["letters"]] == [
        (engineer.email, "Ann"),
        (engineer.email, "Verify"),
    ]
    assert "token=" not in str(found["letters"])


def test_an_export_tells_nobody_of_invitations_to_an_address_that_may_be_another_s(
    admin: Visitor, founder: Callable[[], Visitor]
) -> None:
    engineer = admin.approve(Visitor(admin.client).arrive(admin.company), "engineer_i")
    founder().post("/invitations", {"email": engineer.email, "message": "come over to us"})
    assert exported(engineer)["invitations_to"] == []
    assert "come over to us" not in str(exported(engineer))


def test_what_was_exported_for_anybody_goes_with_whoever_is_erased(admin: Visitor, settings: Settings) -> None:
    engineer, other = admin.colleague("engineer_i"), admin.colleague("guest")
    exported(engineer), exported(other)
    objects = PersonalObjects.open(settings)
    with Host.open(settings) as work:
        work.erase(UUID(engineer.id))
    assert [objects.made_at(UUID(each.id), NAME) for each in (engineer, other)] == [None, None]
    assert exported(other)["person_id"] == other.id


def test_what_was_exported_goes_after_a_day(admin: Visitor, settings: Settings) -> None:
    other, objects = admin.colleague("guest"), PersonalObjects.open(settings)
    exported(other)
    objects.sweep(datetime.now(UTC) + timedelta(hours=23) - KEPT)
    assert objects.made_at(UUID(other.id), NAME) is not None
    objects.sweep(datetime.now(UTC) + timedelta(hours=25) - KEPT)
    assert objects.made_at(UUID(other.id), NAME) is None


@dataclass
class Meanwhile:
    """What happens once an export is written, and before it is kept; and whose is kept."""

    happens: list[Callable[[], object]] = field(default_factory=list)
    kept: list[UUID] = field(default_factory=list)


@pytest.fixture
def meanwhile(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    meanwhile = Meanwhile()

    class Late(PersonalObjects):
        def put(self, person_id: UUID, name: str, data: IO[bytes]) -> None:
            while meanwhile.happens:
                meanwhile.happens.pop()()
            super().put(person_id, name, data)
            meanwhile.kept.append(person_id)

    assert isinstance(client.app, FastAPI)
    exports = client.app.state.house.exports
    real = exports.objects
    monkeypatch.setattr(exports, "objects", Late(real.store, real.presigner, real.bucket))
    return meanwhile


def invited(admin: Visitor) -> tuple[str, str]:
    address = f"{uuid7().hex}@example.org"
    return address, admin.verified().post("/invitations", {"email": address})["id"]


def test_what_was_exported_goes_with_an_invitation_that_it_tells_of(admin: Visitor, settings: Settings) -> None:
    address, id = invited(admin)
    assert address in str(exported(admin))
    admin("DELETE", f"/invitations/{id}")
    with Host.open(settings) as work:
        forget_invitations(work.core)
    assert PersonalObjects.open(settings).made_at(UUID(admin.id), NAME) is None
    assert address not in str(exported(admin))


def test_what_was_exported_for_whom_an_invitation_went_to_goes_with_it(
    admin: Visitor, founder: Callable[[], Visitor], settings: Settings
) -> None:
    engineer, inviter = admin.colleague("engineer_i").verified(), founder().verified()
    id = inviter.post("/invitations", {"email": engineer.email, "message": "come over to us"})["id"]
    assert "come over to us" in str(exported(engineer))
    inviter("DELETE", f"/invitations/{id}")
    with Host.open(settings) as work:
        forget_invitations(work.core)
    assert PersonalObjects.open(settings).made_at(UUID(engineer.id), NAME) is None
    assert "come over to us" not in str(exported(engineer))


def test_an_export_tells_of_no_invitation_that_ended_meanwhile(
    admin: Visitor, settings: Settings, meanwhile: Meanwhile
) -> None:
    address, id = invited(admin)
    with Host.open(settings) as work:
        meanwhile.happens += [lambda: forget_invitations(work.core), lambda: admin("DELETE", f"/invitations/{id}")]
        found = exported(admin)
    assert meanwhile.kept == [UUID(admin.id)] * 2
    assert address not in str(found)
    assert "cancelled" in {each["status"] for each in found["invitations"]}


def test_while_somebody_is_erased_an_export_is_made_once_more(
    admin: Visitor, settings: Settings, meanwhile: Meanwhile
) -> None:
    engineer = admin.colleague("engineer_i")
    with Host.open(settings) as work:
        meanwhile.happens.append(lambda: work.erase(UUID(engineer.id)))
        exported(admin)
    assert meanwhile.kept == [UUID(admin.id)] * 2


def test_of_whoever_is_erased_meanwhile_no_export_stays(
    admin: Visitor, settings: Settings, meanwhile: Meanwhile
) -> None:
    engineer, objects = admin.colleague("engineer_i"), PersonalObjects.open(settings)
    with Host.open(settings) as work:
        meanwhile.happens.append(lambda: work.erase(UUID(engineer.id)))
        assert engineer("GET", "/users/me/export").status_code == 202
        waited(lambda: meanwhile.kept, 30, "it is kept")
        waited(lambda: objects.made_at(UUID(engineer.id), NAME) is None, 30, "it is gone")
