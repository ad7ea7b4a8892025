"""Closing an organization over HTTP: nothing that names it is good for anything; its admins alone can reopen it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api.house import House
from cli.local import hosting
from commands.closure import CloseOrganizationOf, ReopenOrganizationOf
from commands.ports import Purpose
from domain.person import Person
from infra.config import Settings
from tests.api.folders import filled, scenes, send
from tests.api.phone import secured
from tests.api.visitor import PASSWORD, Visitor, good
from tests.api.worker import Worker, requested
from tests.whole import waited

CLOSED = "urn:vistory:problem:organization-was-closed"


@pytest.fixture
def admin(founder: Callable[[], Visitor]) -> Visitor:
    return founder()


def close(admin: Visitor, key: str | None = None, **other: str) -> Response:
    body = {"name": f"{admin.company} / Vision", "password": PASSWORD} | other
    return admin("POST", "/organization/close", body, key)


def shut_out(answer: Response) -> bool:
    return (answer.status_code, answer.json()["type"]) == (401, CLOSED)


def login(visitor: Visitor, **where: str) -> Response:
    return Visitor(visitor.client)("POST", "/auth/login", {"email": visitor.email, "password": PASSWORD, **where})


def test_an_admin_closes_it_sees_that_and_reopens_it(admin: Visitor) -> None:
    before = admin.get("/organization")
    assert (before["closed_at"], before["purge_at"]) == (None, None)
    made = close(admin).json()
    assert made["id"] == admin.organization
    shown = admin.get("/organization")
    assert shown["purge_at"] == made["purge_at"] > shown["closed_at"]
    assert shut_out(admin("GET", "/projects"))
    assert shut_out(admin("POST", "/projects", {"name": "P"}))
    assert admin.post("/organization/reopen")["purge_at"] is None
    assert admin.get("/organization")["closed_at"] is None
    admin.post("/projects", {"name": "P"})
    said = [each["sentence"] for each in admin.get("/audit/organization?entity_type=closure")["items"]]
    assert [" reopened the organization" in said[0], " closed the organization; " in said[1]] == [True, True]


def test_it_is_closed_by_whoever_knows_its_name_and_the_own_password(admin: Visitor) -> None:
    assert close(admin, name="Another").json()["type"] == "urn:vistory:problem:name-is-another"
    assert close(admin, password="another password").json()["type"] == "urn:vistory:problem:wrong-password"
    assert admin.get("/organization")["closed_at"] is None


def test_where_a_second_factor_is_on_it_takes_a_code_as_well(admin: Visitor) -> None:
    _, codes = secured(admin)
    assert close(admin).json()["type"] == "urn:vistory:problem:code-is-needed"
    assert close(admin, code="000000").json()["type"] == "urn:vistory:problem:wrong-code"
    assert close(admin, code=codes[0]).status_code == 200


def test_the_same_wish_once_more_changes_nothing(admin: Visitor) -> None:
    first = close(admin, "once")
    again, anew = close(admin, "once"), close(admin)
    assert first.json() == again.json() == anew.json()
    assert first.headers["Vistory-Position"] == again.headers["Vistory-Position"]


def test_every_token_that_names_it_is_refused_at_once(admin: Visitor, worker: Worker) -> None:
    member, program, service = (
        admin.colleague("manager"),
        admin.program("read", "write"),
        admin.service("manager", "read", "write"),
    )
    job = requested(admin, filled(admin))["id"]
    attempt = worker.claim(job)
    attempt.start()
    for each in (member, program, service):
        each.get("/projects")
    held = login(member, refresh="body").json()["refresh_token"]
    assert close(admin).status_code == 200
    for each in (member, program, service):
        assert shut_out(each("GET", "/projects"))
        assert shut_out(each("GET", "/organization"))
        assert shut_out(each("POST", "/datasets", {"name": "D"}))
    assert shut_out(attempt("POST", f"{attempt.path}/epochs", {"epoch": 1, "epochs": 3, "metrics": {}, "seconds": 1}))
    assert shut_out(attempt("POST", f"{attempt.path}/objects", {"sha256": "a" * 64, "size": 1}))
    again = Visitor(admin.client, member.post("/auth/refresh", {"refresh_token": held})["access_token"])
    assert shut_out(again("GET", "/projects"))
    admin.post("/organization/reopen")
    for each in (member, program, service):
        each.get("/projects")


def test_a_worker_claims_nothing_of_it(admin: Visitor, worker: Worker) -> None:
    job, begun = (requested(admin, filled(admin))["id"] for _ in range(2))
    claim = {"attempt": 1, "worker_id": worker.worker_id, "worker": "a machine"}
    worker.post(f"/training-jobs/{begun}/attempts", claim, key := f"claim-{begun}")
    close(admin)
    assert shut_out(worker("POST", f"/training-jobs/{job}/attempts", claim))
    assert shut_out(worker("POST", f"/training-jobs/{begun}/attempts", claim, key))


def test_nobody_but_its_admins_sees_and_reopens_it(admin: Visitor) -> None:
    member = admin.colleague("manager")
    close(admin)
    assert shut_out(member("POST", "/organization/reopen"))
    signed_in = Visitor(admin.client, login(admin).json()["access_token"])
    assert signed_in.get("/auth/me")["role"] == "admin"
    assert signed_in.get("/organization", Vistory_Min_Position=admin.seen)["closed_at"]
    signed_in.post("/organization/reopen")
    member.get("/projects")


def test_whoever_is_in_no_other_signs_in_for_nothing_but_what_is_theirs(admin: Visitor) -> None:
    member = admin.colleague("manager")
    close(admin)
    answer = good(login(member)).json()
    here = Visitor(admin.client, answer["access_token"])
    assert (here.get("/auth/me")["id"], answer["person"]["organization_id"]) == (member.id, admin.organization)
    assert here.get("/auth/sessions")
    for path in ("/organization", "/projects", "/members", "/tokens", "/audit/organization"):
        assert shut_out(here("GET", path)), path
    assert shut_out(here("PATCH", "/users/me", {"full_name": "Another"}))
    waited(lambda: here("GET", "/users/me/export").status_code == 200, 20, "the export is made")
    assert here("DELETE", "/users/me").status_code == 202
    assert here.get("/auth/me")["erasure_due_at"]
    assert here.post("/users/me/erasure/cancel")["due_at"] is None


def test_nobody_closes_it_without_being_its_admin(admin: Visitor, bob: Visitor) -> None:
    manager = admin.colleague("manager")
    manager.company = admin.company
    assert close(manager).status_code == 403
    assert close(admin.program("read", "write", "audit")).status_code == 403
    other = admin.colleague("admin")
    other("PATCH", f"/admin/users/{admin.id}/role", {"role": "manager"})
    assert close(admin).status_code == 403
    bob.company = admin.company
    assert close(bob).json()["type"] == "urn:vistory:problem:name-is-another"


def test_whoever_belongs_to_another_organization_goes_on_there(admin: Visitor, bob: Visitor) -> None:
    bob.verified()
    member = admin.colleague("guest").verified()
    bob.post("/invitations", {"email": member.email, "role": "guest"})
    (pending,) = [each for each in bob.get("/invitations")["items"] if each["email"] == member.email]
    member.post("/invitations/accept", {"token": member.link(Purpose.INVITATION, pending["id"])})
    close(admin)
    there = Visitor(member.client, good(login(member)).json()["access_token"])
    assert there.get("/auth/me")["organization_id"] == bob.organization
    switched = member("POST", "/auth/switch", {"organization_id": bob.organization})
    assert switched.status_code == 200
    assert shut_out(there("POST", "/auth/switch", {"organization_id": admin.organization}))


@pytest.mark.parametrize("last", [0, 1])
def test_whoever_left_where_they_began_signs_in_where_they_were_last(
    admin: Visitor, founder: Callable[[], Visitor], last: int
) -> None:
    member, others = admin.colleague("guest").verified(), (founder(), founder())
    for other in others:
        member.come_into(other)
    for at in (others[1 - last], others[last]):
        good(login(member, organization_id=at.organization))
    assert good(login(member)).json()["person"]["organization_id"] == admin.organization
    admin("DELETE", f"/admin/users/{member.id}")
    assert good(login(member)).json()["person"]["organization_id"] == others[last].organization
    close(others[last])
    assert good(login(member)).json()["person"]["organization_id"] == others[1 - last].organization


def test_whoever_waits_where_they_began_signs_in_where_they_have_a_role(admin: Visitor, bob: Visitor) -> None:
    waiting = Visitor(admin.client).register(admin.company)
    assert good(login(waiting)).json()["person"]["organization_id"] == admin.organization
    waiting.come_into(bob)
    assert good(login(waiting)).json()["person"]["organization_id"] == bob.organization


def test_an_admin_signs_in_where_the_closed_one_can_be_reopened(admin: Visitor, bob: Visitor) -> None:
    admin.verified().come_into(bob)
    close(admin)
    assert good(login(admin)).json()["person"]["organization_id"] == admin.organization


def test_nobody_joins_it_and_a_stranger_is_not_told_why(admin: Visitor) -> None:
    close(admin)
    who = {"email": f"{uuid4().hex}@example.org", "full_name": "N", "password": PASSWORD, "division": "Vision"}
    answer = Visitor(admin.client)("POST", "/auth/register", who | {"company": admin.company})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-takes-nobody")
    assert answer.json()["detail"] == "this organization takes nobody at the moment; ask one of its admins"


def test_an_invitation_into_it_leads_nowhere(admin: Visitor, client: TestClient) -> None:
    address = f"{uuid4().hex}@example.org"
    admin.verified().post("/invitations", {"email": address})
    (pending,) = admin.get("/invitations")["items"]
    token = admin.link(Purpose.INVITATION, pending["id"])
    assert good(Visitor(client)("GET", f"/invitations/{token}/info")).json()["organization"]
    close(admin)
    told = Visitor(client)("GET", f"/invitations/{token}/info")
    assert (told.status_code, told.json()["type"]) == (404, "urn:vistory:problem:not-found")
    body = {"token": token, "full_name": "N", "password": PASSWORD}
    answer = Visitor(client)("POST", "/invitations/accept", body)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:invitation-is-suspended")
    assert shut_out(admin("POST", "/invitations", {"email": address}))


def test_whoever_keeps_the_machine_closes_and_reopens_any(admin: Visitor, settings: Settings) -> None:
    for kind, status in ((CloseOrganizationOf, 401), (ReopenOrganizationOf, 200)):
        with hosting(settings) as host:
            host.give(kind(organization_id=UUID(admin.organization)))
        assert admin("GET", "/projects").status_code == status


def test_what_is_committed_as_it_closes_is_before_it_or_refused(admin: Visitor) -> None:
    """Whoever was too late is told so; nothing gets in behind the closing."""
    dataset = admin.post("/datasets", {"name": "raced"})["id"]
    uploads = [send(admin, dataset, scenes()) for _ in range(4)]
    members = [admin.colleague("engineer_ii") for _ in range(4)]
    with ThreadPoolExecutor(9) as pool:
        commits = [pool.submit(m, "POST", f"{u}/commit", {}) for m, u in zip(members, uploads, strict=True)]
        news = [pool.submit(m, "POST", "/projects", {"name": "raced"}) for m in members]
        closing = pool.submit(close, admin)
    assert closing.result().status_code == 200
    end = int(closing.result().headers["Vistory-Position"].rpartition(":")[2])
    for answer in (each.result() for each in (*commits, *news)):
        if answer.is_success:
            assert int(answer.headers["Vistory-Position"].rpartition(":")[2]) < end
        else:
            assert shut_out(answer) or answer.status_code == 409
    admin.post("/organization/reopen")


def test_who_registered_just_before_is_told_so(admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    written_down = House.registration

    def closed_meanwhile(house: House, person_id: UUID) -> Person.Registered:
        assert close(admin).status_code == 200
        return written_down(house, person_id)

    monkeypatch.setattr(House, "registration", closed_meanwhile)
    who = {"email": f"{uuid4().hex}@example.org", "full_name": "N", "password": PASSWORD, "division": "Vision"}
    told = good(Visitor(admin.client)("POST", "/auth/register", who | {"company": admin.company})).json()
    assert (told["organization_id"], told["status"], told["role"]) == (admin.organization, "waiting", None)


def test_who_registers_as_it_closes_waits_in_it_or_is_refused(admin: Visitor) -> None:
    def register(number: int) -> Response:
        who = {"email": f"{uuid4().hex}@example.org", "full_name": "N", "password": PASSWORD, "division": "Vision"}
        return Visitor(admin.client)("POST", "/auth/register", who | {"company": admin.company})

    with ThreadPoolExecutor(5) as pool:
        coming = [pool.submit(register, number) for number in range(4)]
        closing = pool.submit(close, admin)
    assert closing.result().status_code == 200
    answers = [each.result() for each in coming]
    assert {each.status_code for each in answers} <= {201, 409}
    admin.post("/organization/reopen")
    waiting = admin.get("/members?waiting=true")["items"]
    came = {each.json()["id"] for each in answers if each.status_code == 201}
    assert {each["person_id"] for each in waiting} == came
