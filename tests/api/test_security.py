"""The security log over HTTP: what goes into it, who reads it, and what the history says of it."""

import asyncio
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.conninfo import conninfo_to_dict

from commands.erasure import ErasePerson
from commands.operator import AppointOperator
from commands.ports import Purpose
from consumers.acting import Platform
from consumers.security import note_due
from infra.config import Settings
from infra.host import Host
from infra.provision import OWNER
from infra.security import SecurityLog
from tests.api.folders import filled
from tests.api.visitor import Visitor
from tests.api.worker import Worker, requested
from tests.servers import Servers

FOUND = {"sign_in_failed", "reached_out", "reached_in"}


def fails_to_sign_in(email: str, client: TestClient, address: str) -> None:
    elsewhere = Visitor(TestClient(client.app, client=(address, 1)))
    answer = elsewhere("POST", "/auth/login", {"email": email, "password": "geheim"})
    assert answer.status_code == 401


def noted(admin: Visitor) -> dict[str, int]:
    """How often what was noted, for this admin to read."""
    counted = dict.fromkeys(FOUND, 0)
    for each in admin.get("/admin/security")["items"]:
        counted[each["kind"]] += each["count"]
    return counted


def test_an_admin_reads_of_sign_ins_that_failed_and_no_other_organization_does(
    founder: Callable[[], Visitor], client: TestClient
) -> None:
    ann, bob = founder(), founder()
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        fails_to_sign_in(ann.email.upper(), client, address)
    newest, oldest = ann.get("/admin/security")["items"]
    assert (oldest["kind"], oldest["person_id"], oldest["avatar_name"]) == (
        "sign_in_failed", ann.id, ann.get("/auth/me")["avatar_name"],
    )  # fmt: skip
    assert (oldest["network"], oldest["count"]) == ("192.0.2.1", 2)
    assert (newest["network"], newest["count"]) == ("192.0.2.2", 1)
    assert oldest["first_at"] < oldest["last_at"]
    assert bob.get("/admin/security")["items"] == []
    page = ann.get("/admin/security?limit=1")
    assert [*page["items"], *ann.get(f"/admin/security?after={page['next']}")["items"]] == [newest, oldest]


def test_nothing_is_read_of_whoever_waits_to_be_let_in(founder: Callable[[], Visitor], client: TestClient) -> None:
    ann = founder()
    waits = Visitor(client).register(ann.company)
    fails_to_sign_in(waits.email, client, "192.0.2.3")
    assert ann.get("/admin/security", Vistory_Min_Position=waits.seen)["items"] == []


def test_the_door_of_mlflow_is_watched_as_well(founder: Callable[[], Visitor], client: TestClient) -> None:
    ann = founder()
    assert client.get("/mlflow/", auth=(ann.email, "geheim")).status_code == 401
    assert noted(ann)["sign_in_failed"] == 1


def test_the_door_of_invitations_is_watched_as_well(founder: Callable[[], Visitor], stranger: Visitor) -> None:
    ann = founder()
    guess = {"token": "made-up", "email": ann.email, "password": "geheim"}
    assert stranger("POST", "/invitations/accept", guess).status_code == 401
    assert noted(ann)["sign_in_failed"] == 1


def test_it_is_for_admins_and_for_programs_that_may_audit(founder: Callable[[], Visitor]) -> None:
    ann = founder()
    manager = ann.colleague("manager")
    assert manager("GET", "/admin/security").status_code == 403
    assert ann.program("audit")("GET", "/admin/security").status_code == 200
    assert ann.program("read")("GET", "/admin/security").status_code == 403


def test_an_address_that_nobody_has_is_kept_nowhere_and_counted_for_operators(
    founder: Callable[[], Visitor], client: TestClient, settings: Settings
) -> None:
    ann = founder()
    assert ann("GET", "/admin/security/counts").status_code == 403
    with Host.open(settings) as host:
        host.give(AppointOperator(person_id=UUID(ann.id)))

    def counted() -> int:
        return sum(each["count"] for each in ann.get("/admin/security/counts") if each["kind"] == "sign_in_failed")

    before = counted()
    fails_to_sign_in("nobody-at-all@example.org", client, "192.0.2.9")
    assert counted() == before + 1
    assert noted(ann)["sign_in_failed"] == 0
    with psycopg.connect(settings.need("database_url")) as app:
        kept = repr(app.execute("SELECT * FROM secrets.security_log").fetchall())
    assert "nobody-at-all" not in kept
    assert "geheim" not in kept


def test_a_token_that_was_made_up_is_counted_for_operators_and_one_that_is_too_old_is_not(
    founder: Callable[[], Visitor], stranger: Visitor, settings: Settings, aged: Callable[[str, timedelta], None]
) -> None:
    ann = founder()
    with Host.open(settings) as host:
        host.give(AppointOperator(person_id=UUID(ann.id)))

    def counted() -> int:
        return sum(each["count"] for each in ann.get("/admin/security/counts") if each["kind"] == "token_made_up")

    invitation = ann.post("/invitations", {"email": "late@example.org"})["id"]
    aged(invitation, timedelta(days=8))
    newcomer = {"full_name": "Dan", "password": "correct horse battery"}
    for token, counts in (("made-up", True), (ann.link(Purpose.INVITATION, invitation), False)):
        for path, more in (("info", {}), ("decline", {}), ("accept", newcomer | {"email": "late@example.org"})):
            before = counted()
            assert stranger("POST", f"/invitations/{path}", {"token": token} | more).status_code in (404, 409)
            assert counted() == before + counts, (path, token)
    for path, body in (
        ("/auth/verify-email", {"token": "made-up"}),
        ("/auth/reset-password", {"token": "made-up", "password": "another horse battery"}),
        ("/auth/refresh", {"refresh_token": "made-up"}),
    ):
        before = counted()
        assert stranger("POST", path, body).status_code in (401, 409)
        assert counted() == before + 1, path


def test_who_asks_for_what_another_organization_has_is_noted_on_both_sides(founder: Callable[[], Visitor]) -> None:
    ann, bob = founder(), founder()
    project = ann.post("/projects", {"name": "Walled"})["id"]
    asked = [
        bob("GET", f"/projects/{project}"),
        bob("PATCH", f"/projects/{project}", {"name": "Mine"}),
        bob("POST", "/experiments", {"project_id": project, "name": "Mine"}),
        bob("GET", f"/audit/project/{project}"),
        bob("PATCH", f"/admin/users/{ann.id}/role", {"role": "guest"}),
    ]
    assert {each.status_code for each in asked} == {404}
    assert noted(bob) == {"reached_out": 5, "reached_in": 0, "sign_in_failed": 0}
    assert noted(ann) == {"reached_out": 0, "reached_in": 5, "sign_in_failed": 0}
    (of_bob,), (of_ann,) = bob.get("/admin/security")["items"], ann.get("/admin/security")["items"]
    assert (of_bob["person_id"], of_bob["network"]) == (bob.id, "testclient")
    assert (of_ann["person_id"], of_ann["avatar_name"], of_ann["network"]) == (None, None, None)


def test_who_asks_for_what_nobody_has_or_is_not_shown_inside_is_not(founder: Callable[[], Visitor]) -> None:
    ann = founder()
    colleague = ann.colleague("engineer_i")
    private = ann.post("/projects", {"name": "Private"})["id"]
    assert ann("GET", f"/projects/{uuid4()}").status_code == 404
    assert ann("GET", "/projects/nonsense").status_code in (404, 422)
    assert ann("DELETE", f"/auth/sessions/{uuid4()}").status_code == 404
    assert colleague("GET", f"/projects/{private}/members/{ann.id}").status_code in (403, 404, 405)
    assert set(noted(ann).values()) == {0}


def test_a_socket_for_a_training_of_others_is_noted(
    founder: Callable[[], Visitor], client: TestClient, worker: Worker
) -> None:
    ann, bob = founder(), founder()
    job = requested(ann, filled(ann))["id"]
    with client.websocket_connect(f"/api/v1/training-jobs/{job}/live") as socket:
        socket.send_json({"token": bob.token})
        assert socket.receive()["code"] == 4404
    assert noted(bob)["reached_out"] == noted(ann)["reached_in"] == 1


def test_once_an_hour_the_history_says_how_often_signing_in_failed(
    founder: Callable[[], Visitor], client: TestClient, settings: Settings, servers: Servers
) -> None:
    ann = founder()
    for address in ("192.0.2.1", "192.0.2.2"):
        fails_to_sign_in(ann.email, client, address)
    database = str(conninfo_to_dict(settings.need("database_url"))["dbname"])
    with psycopg.connect(servers.parts.database_url(OWNER, database), autocommit=True) as owner:
        owner.execute("UPDATE secrets.security_log SET hour = hour - interval '2 hours'")
    with Host.open(settings) as host:
        platform, log = Platform(host.core.store, host.core.mapper, host.dispatch), SecurityLog(host.core.pool)
        assert asyncio.run(note_due(platform, log)) >= 1
        assert asyncio.run(note_due(platform, log)) == 0
    ann.post("/projects", {"name": "Later"})
    (told,) = ann.get("/audit/organization?action=fail")["items"]
    assert (told["actor_kind"], told["entity_id"]) == ("system", ann.id)
    assert (told["changes"]["failures"]["new"], told["changes"]["means"]["new"]) == (2, "password")
    assert "failed 2 times within an hour" in told["sentence"]
    assert "192.0.2" not in repr(told)


def test_the_failures_of_whoever_is_erased_are_noted_no_more(
    founder: Callable[[], Visitor], client: TestClient, settings: Settings
) -> None:
    ann = founder()
    ben = ann.colleague("guest")
    fails_to_sign_in(ben.email, client, "192.0.2.3")
    log_of = "SELECT count(*) FROM secrets.security_log WHERE person_id = %s"
    with psycopg.connect(settings.need("database_url"), autocommit=True) as app:
        assert app.execute(log_of, [ben.id]).fetchone() == (1,)
        with Host.open(settings) as host:
            host.give(ErasePerson(person_id=UUID(ben.id)))
        assert app.execute(log_of, [ben.id]).fetchone() == (0,)
    assert ben.id not in ann("GET", "/admin/security").text


def test_whoever_is_erased_reaches_not_even_what_was_their_own(
    founder: Callable[[], Visitor], settings: Settings
) -> None:
    ben = founder().colleague("guest")
    here, there = ben, copy(ben).sign_in()
    with Host.open(settings) as host:
        host.give(ErasePerson(person_id=UUID(ben.id)))
    for device in (here, there):
        for method, path in (
            ("GET", "/users/me/export"),
            ("GET", "/auth/sessions"),
            ("DELETE", "/users/me"),
            ("POST", "/users/me/erasure/cancel"),
        ):
            assert device(method, path).status_code == 401, path


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=-1", "after=x"])
def test_a_page_that_makes_no_sense_is_refused(ann: Visitor, query: str) -> None:
    assert ann("GET", f"/admin/security?{query}").status_code == 422
