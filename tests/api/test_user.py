"""One's own account over HTTP: seen, asked to be erased, kept after all, and erased."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg import sql

from consumers import erasure as erasing
from consumers.erasure import Eraser
from domain.errors import Conflict
from infra.config import Settings
from infra.dispatch import Dispatch
from infra.erased import erase
from infra.exports import NAME
from infra.host import Host
from infra.mailbox import ABOUT, Mailbox
from infra.personal_objects import PersonalObjects
from infra.wiring import Core
from tests.api.letters import Delivered, token_in
from tests.api.phone import secured
from tests.api.test_export import exported
from tests.api.test_session import gone_on, signed_in
from tests.api.visitor import PASSWORD, Visitor, good
from tests.servers import Servers


@pytest.fixture
def admin(founder: Callable[[], Visitor]) -> Visitor:
    return founder()


def due(settings: Settings, now: datetime) -> None:
    with Host.open(settings) as work:
        Eraser(work).once(now)


def test_one_s_own_account_says_who_and_where_one_is(admin: Visitor) -> None:
    me = admin.get("/auth/me")
    assert (me["id"], me["email"], me["organization_id"]) == (admin.id, admin.email, admin.organization)
    assert me["avatar_name"].count("-") == 2
    assert (me["role"], me["erasure_due_at"], me["advanced_features"]) == ("admin", None, True)
    assert not admin.colleague("guest").get("/auth/me")["advanced_features"]


@pytest.mark.parametrize("shut", ["removed", "deactivated"])
def test_who_is_let_in_no_more_has_their_own_data_still(admin: Visitor, shut: str) -> None:
    guest = admin.colleague("guest")
    member = f"/admin/users/{guest.id}"
    good(admin("DELETE", member) if shut == "removed" else admin("POST", f"{member}/deactivate", {}))
    assert guest("GET", "/auth/me").status_code == 401
    assert exported(guest)["person_id"] == guest.id
    assert guest("DELETE", "/users/me").status_code == 202
    assert guest.post("/users/me/erasure/cancel")["due_at"] is None
    assert guest("PATCH", "/users/me", {"full_name": "Another"}).status_code == 401
    guest.post("/auth/logout")
    assert guest("GET", "/users/me/export").status_code == 401


def test_what_was_exported_goes_though_an_erasure_was_broken_off(
    admin: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, objects = admin.colleague("guest"), PersonalObjects.open(settings)
    exported(admin)
    with Host.open(settings) as work:
        with monkeypatch.context() as broken:
            broken.setattr(PersonalObjects, "clear", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                work.erase(UUID(guest.id))
        assert objects.made_at(UUID(admin.id), NAME) is not None
        Eraser(work).once(datetime.now(UTC))
    assert objects.made_at(UUID(admin.id), NAME) is None


def test_who_asks_to_go_can_stay_for_a_week_and_is_erased_then(admin: Visitor, settings: Settings) -> None:
    guest = admin.colleague("guest")
    asked = guest("DELETE", "/users/me")
    assert asked.status_code == 202
    at = datetime.fromisoformat(asked.json()["due_at"])
    assert timedelta(days=6.9) < at - datetime.now(UTC) < timedelta(days=7)
    assert guest.get("/auth/me")["erasure_due_at"] is not None
    assert guest.post("/users/me/erasure/cancel")["due_at"] is None
    assert guest("POST", "/users/me/erasure/cancel").status_code == 409
    guest("DELETE", "/users/me")
    admin.get("/members", Vistory_Min_Position=guest.seen)
    due(settings, datetime.now(UTC) + timedelta(days=6.9))
    assert guest("GET", "/auth/me").status_code == 200
    due(settings, datetime.now(UTC) + timedelta(days=7.1))
    assert guest("GET", "/auth/me").status_code == 401
    assert guest("POST", "/auth/login", {"email": guest.email, "password": PASSWORD}).status_code == 401


def test_who_cannot_be_erased_now_keeps_nobody_else_from_it(
    admin: Visitor, settings: Settings, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, goes, tried = admin.colleague("guest"), admin.colleague("guest"), list[str]()
    for each in (stuck, goes):
        good(each("DELETE", "/users/me"))
    admin.get("/members", Vistory_Min_Position=goes.seen)
    box = Mailbox.inside(servers.stack.folder.path)

    def failing(core: Core, dispatch: Dispatch, person_id: UUID) -> object:
        tried.append(str(person_id))
        if str(person_id) == stuck.id:
            raise Conflict(f"about {stuck.email}")
        return erase(core, dispatch, person_id)

    monkeypatch.setattr(erasing, "erase", failing)
    gone = admin.colleague("guest")
    with Host.open(settings) as work:
        work.erase(UUID(gone.id))
        box.keep(f"To: {gone.email}\r\n{ABOUT}: {gone.id}\r\n\r\nlate".encode())
        Eraser(work).once(datetime.now(UTC) + timedelta(days=7.1))
    assert {stuck.id, goes.id} <= set(tried)
    assert gone.email not in {str(each.letter["to"]) for each in box.letters()}
    assert goes("GET", "/auth/me").status_code == 401
    good(stuck("GET", "/auth/me"))


def test_nobody_goes_who_is_needed(admin: Visitor) -> None:
    answer = admin("DELETE", "/users/me")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-needs-an-admin")
    owner = admin.colleague("guest")
    owner.post("/projects", {"name": "mine"})
    answer = owner("DELETE", "/users/me")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:member-owns-projects")


def test_whoever_is_erased_is_named_nowhere_at_once_and_may_come_back_as_somebody_new(
    admin: Visitor, settings: Settings, client: TestClient
) -> None:
    engineer = admin.colleague("engineer_i")
    engineer.post("/datasets", {"name": "theirs"})
    with Host.open(settings) as work:
        assert work.find(engineer.email) == UUID(engineer.id)
        receipt = work.erase(UUID(engineer.id))
        assert work.erase(UUID(engineer.id)) == receipt
    log = admin.get("/audit/organization?limit=1000&noisy=true")["items"]
    log = [each for each in log if each["actor_id"] == engineer.id]
    assert {(each["actor_name"], each["actor_email"], each["address"], each["agent"]) for each in log} == {
        ("[erased]",) * 4
    }
    assert "[erased] (engineer_i) created the dataset theirs" in {each["sentence"] for each in log}
    assert engineer.email not in str(admin.get("/admin/users")) + str(log)
    again = {"email": engineer.email, "full_name": "Ann Ö", "password": PASSWORD}
    made = client.post("/api/v1/auth/register", json=again | {"company": admin.company, "division": "Vision"})
    assert made.status_code == 201
    assert made.json()["id"] != engineer.id


def test_no_token_of_whoever_is_erased_is_good_for_anything(
    admin: Visitor, settings: Settings, client: TestClient
) -> None:
    manager = admin.colleague("manager")
    program, service = manager.program("read"), manager.service("guest", "read")
    held = signed_in(manager)
    with Host.open(settings) as work:
        work.erase(UUID(manager.id))
    for token in (manager.token, held["access_token"], program.token):
        assert Visitor(client, token)("GET", "/projects").status_code == 401
    assert gone_on(client, held["refresh_token"]).status_code == 401
    assert service("GET", "/projects").status_code == 200, "it is the organization's"


def test_nothing_that_was_kept_beside_the_history_names_whoever_is_erased(
    admin: Visitor, settings: Settings, owner: psycopg.Connection
) -> None:
    manager = admin.colleague("manager").verified()
    secured(manager)
    programs = [manager.program("read") for _ in range(2)]
    for program in programs:
        good(program("GET", "/projects"))
    manager.post("/invitations", {"email": "asked@example.org"})
    good(manager("DELETE", f"/tokens/{manager.get('/tokens')['items'][0]['id']}"))
    assert {"api_token_uses", "passwords", "sessions", "second_factors"} <= naming(owner, manager.id)
    with Host.open(settings) as work:
        work.erase(UUID(manager.id))
    assert naming(owner, manager.id) == set()
    assert naming(owner, admin.id) >= {"passwords", "sessions"}


def naming(owner: psycopg.Connection, id: str) -> set[str]:
    """The tables of secrets of which a row has this in it."""
    tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'secrets'").fetchall()
    asked = "SELECT EXISTS (SELECT FROM secrets.{} t WHERE strpos(t::text, {}) > 0)"
    queries = {name: sql.SQL(asked).format(sql.Identifier(name), id) for (name,) in tables}
    return {name for name, query in queries.items() if owner.execute(query).fetchone() == (True,)}


def test_no_letter_to_whoever_is_erased_stays_behind(
    admin: Visitor, settings: Settings, servers: Servers, delivered: Delivered
) -> None:
    engineer, other = (admin.approve(Visitor(admin.client).arrive(admin.company), "guest") for _ in range(2))
    came = {str(each.letter["to"]): each.number for each in delivered()}
    box = Mailbox.inside(servers.stack.folder.path)
    assert box.letter(came[engineer.email]) is not None
    with Host.open(settings) as work:
        work.erase(UUID(engineer.id))
    assert box.letter(came[engineer.email]) is None
    assert box.letter(came[other.email]) is not None


def test_a_letter_that_was_under_way_goes_with_the_next_look(
    admin: Visitor, settings: Settings, servers: Servers
) -> None:
    engineer, box = admin.colleague("engineer_i"), Mailbox.inside(servers.stack.folder.path)
    with Host.open(settings) as work:
        work.erase(UUID(engineer.id))
        box.keep(f"To: {engineer.email}\r\n{ABOUT}: {engineer.id}\r\n\r\nlate".encode())
        Eraser(work).once(datetime.now(UTC))
    assert engineer.email not in {str(each.letter["to"]) for each in box.letters()}


def test_whoever_is_erased_is_no_member_of_what_they_have_just_come_into(
    ann: Visitor, bob: Visitor, delivered: Delivered, settings: Settings, holding: Event
) -> None:
    """However far behind the read models are."""
    bob.verified()("PATCH", "/organization", {"max_users": 1_000})
    gone = ann.colleague("guest")
    delivered()
    bob.post("/invitations", {"email": gone.email, "role": "manager"})
    (letter,) = delivered()
    with Host.open(settings) as host:
        holding.set()
        try:
            gone.post("/invitations/accept", {"token": token_in(letter, "invite")})
            erase(host.core, host.dispatch, UUID(gone.id))
        finally:
            holding.clear()
    bob.post("/projects", {"name": "later"})
    assert gone.id not in {each["person_id"] for each in bob.get("/members")["items"]}


def test_whoever_asks_to_be_erased_again_and_again_sends_no_flood_of_letters(founder: Callable[[], Visitor]) -> None:
    guest = founder().colleague("guest")
    asked: list[int] = []
    for _ in range(4):
        asked.append(guest("DELETE", "/users/me", key=f"wish {len(asked)}").status_code)
        guest("POST", "/users/me/erasure/cancel")
    assert asked == [202, 202, 202, 429]
    assert guest("DELETE", "/users/me", key="wish 0").status_code == 202, "that was done, and is only told again"
