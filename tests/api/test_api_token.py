"""Programs with API tokens: each is shown once, is good for its scopes, and is refused the moment that it is over."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from starlette.websockets import WebSocketDisconnect
from uuid_utils.compat import uuid7

from api.body import LONGEST_OF_A_STRANGER
from commands.access import Caller, Command
from commands.api_token import CreateToken
from commands.ports import Accepted
from consumers import api_tokens
from consumers.acting import Platform
from consumers.api_tokens import expire_due, expire_tokens
from domain.roles import Scope
from infra.api_tokens import FORM, is_whole, mint
from infra.bearer import digest
from infra.config import Settings
from infra.host import Host
from infra.secrets import UnitSecrets
from infra.unit import Errand, Unit
from infra.wiring import Core
from tests.api.folders import filled, scenes, send
from tests.api.later import a_year_passes_for_tokens
from tests.api.visitor import PREFIX, Visitor, good
from tests.api.worker import Worker, requested, trained
from tests.whole import waited

NIGHTLY = {"name": "nightly", "scopes": ["read", "train"], "days": 30}


def test_a_token_is_shown_once_and_recognised_by_its_beginning(ann: Visitor) -> None:
    made = ann.post("/tokens", NIGHTLY)
    assert FORM.fullmatch(made["token"])
    assert is_whole(made["token"])
    assert made["token"].startswith(made["prefix"] + "_")
    (listed,) = [each for each in ann.get("/tokens")["items"] if each["id"] == made["id"]]
    assert (listed["prefix"], listed["scopes"], listed["name"]) == (made["prefix"], ["read", "train"], "nightly")
    assert listed["last_used_at"] is None
    assert made["token"] not in str(ann.get("/tokens"))


def test_a_token_that_is_not_told_otherwise_reads_for_ninety_days(ann: Visitor) -> None:
    id = ann.post("/tokens", {"name": "plain"})["id"]
    (listed,) = [each for each in ann.get("/tokens")["items"] if each["id"] == id]
    life = datetime.fromisoformat(listed["expires_at"]) - datetime.fromisoformat(listed["created_at"])
    assert (life.days, listed["scopes"]) == (90, ["read"])


def test_two_that_are_made_at_once_are_no_more_than_there_may_be(
    founder: Callable[[], Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second after the tokens were counted for the first, and before that is recorded."""
    ann = founder()
    monkeypatch.setattr("commands.api_token.MOST_OF_AN_OWNER", 1)
    waiting, between = ["for it"], []
    real = UnitSecrets.api_tokens_of

    def counts(secrets: UnitSecrets, *of: Any) -> Any:
        ids = real(secrets, *of)
        if waiting:
            waiting.clear()
            between.append(ann("POST", "/tokens", NIGHTLY).status_code)
        return ids

    monkeypatch.setattr(UnitSecrets, "api_tokens_of", counts)
    answer = ann("POST", "/tokens", NIGHTLY)
    assert (between, answer.status_code) == ([201], 409)
    assert answer.json()["type"] == "urn:vistory:problem:too-many-tokens"
    assert len(ann.get("/tokens")["items"]) == 1


def test_a_repeated_creation_is_told_that_it_was_shown(ann: Visitor) -> None:
    assert ann("POST", "/tokens", NIGHTLY, key="once").status_code == 201
    again = ann("POST", "/tokens", NIGHTLY, key="once")
    assert (again.status_code, again.json()["type"]) == (409, "urn:vistory:problem:token-was-shown")
    other = ann("POST", "/tokens", NIGHTLY | {"name": "other"}, key="once")
    assert (other.status_code, other.json()["type"]) == (422, "urn:vistory:problem:key-reused")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "T", "scopes": []},
        {"name": "T", "scopes": ["everything"]},
        {"name": "T", "days": 0},
        {"name": "T", "days": 366},
        {"name": "T", "owner_id": "0198c0de-0000-7000-8000-000000000001"},
        {"name": "T", "organization_id": "0198c0de-0000-7000-8000-000000000001"},
        {"name": "T", "digest": "0" * 64},
    ],
)
def test_what_makes_no_token_is_refused(ann: Visitor, wrong: dict[str, Any]) -> None:
    assert ann("POST", "/tokens", wrong).status_code == 422


def test_the_audit_log_tells_of_tokens_and_never_a_token(founder: Callable[[], Visitor], settings: Settings) -> None:
    admin = founder()
    made = admin.post("/tokens", NIGHTLY)
    admin("DELETE", f"/tokens/{made['id']}")
    told = [entry for entry in admin.get("/audit/me")["items"] if entry["entity_type"] == "api_token"]
    assert [entry["action"] for entry in told] == ["revoke", "create"]
    assert told[1]["sentence"] == f"Ann Ö (admin) created the API token nightly ({made['prefix']}…)"
    secret = made["token"].rpartition("_")[2]
    with psycopg.connect(settings.need("database_url")) as connection:
        events = connection.execute("SELECT convert_from(state, 'UTF8') FROM ledger.events").fetchall()
        tokens = connection.execute("SELECT t::text FROM secrets.api_tokens t").fetchall()
    assert secret not in str(events) + str(tokens)
    assert digest(made["token"]).hex() not in str(events)


def test_a_revoked_token_is_refused_at_once(ann: Visitor) -> None:
    program = ann.program("read")
    id = next(each["id"] for each in ann.get("/tokens")["items"] if each["revoked_at"] is None)
    assert program("GET", "/projects").status_code == 200
    assert ann("DELETE", f"/tokens/{id}").status_code == 200
    assert program("GET", "/projects").status_code == 401


def answered(program: Visitor, *wish: Any) -> Response | None:
    """Unless it is "not yet"."""
    answer = program(*wish)
    return None if answer.status_code == 202 else answer


@pytest.mark.parametrize("whose", ["a person's", "a service account's"])
@pytest.mark.parametrize("asked", ["a name", "a revision"])
def test_what_is_under_way_as_its_token_is_revoked_comes_to_nothing(
    ann: Visitor, client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch, whose: str, asked: str
) -> None:
    project, dataset = (ann.post(f"/{things}", {"name": "early"})["id"] for things in ("projects", "datasets"))
    wish = {
        "a name": ("PATCH", f"/projects/{project}", {"name": "late"}),
        "a revision": ("POST", f"{send(ann, dataset, scenes())}/commit", {}),
    }[asked]
    account = ann.post("/service-accounts", {"name": "late", "role": "manager"})["id"]
    tokens = "/tokens" if whose == "a person's" else f"/service-accounts/{account}/tokens"
    made = ann.post(tokens, {"name": "late", "scopes": ["read", "write"]})
    program, real, waiting = Visitor(client, made["token"]), Unit.save, ["for it"]

    def late(unit: Unit, *changed: Any, **named: Any) -> Accepted:
        if waiting and unit.errand.caller.scopes:
            waiting.clear()
            assert ann("DELETE", f"{tokens}/{made['id']}").status_code == 200
        return real(unit, *changed, **named)

    monkeypatch.setattr(Unit, "save", late)
    answer = waited(lambda: answered(program, *wish), 30, "the files are looked at")
    assert (answer.status_code, waiting) == (401, [])
    with Core.open(settings) as core:
        head = core.store.head()
    assert ann.seen == f"{head.ledger}:{head.position}"


def test_what_is_no_token_is_refused(ann: Visitor, client: TestClient) -> None:
    good = str(ann.program("read").token)
    swapped = good[:20] + ("a" if good[20] != "a" else "b") + good[21:]
    for token in (swapped, good[:-1], good + "x", "vst_", "vst_" + "x" * 10_000, good.upper()):
        assert Visitor(client, token)("GET", "/projects").status_code == 401, token


@pytest.mark.parametrize("scope", Scope)
def test_a_program_is_told_what_it_carries_whatever_that_is_for(ann: Visitor, scope: Scope) -> None:
    program = ann.program(scope)
    told = good(program("GET", "/auth/token")).json()
    assert program.token
    assert (told["owner_kind"], told["owner_id"], told["scopes"]) == ("person", ann.id, [scope])
    assert (told["role"], told["prefix"]) == ("admin", program.token.rpartition("_")[0])
    assert datetime.fromisoformat(told["expires_at"]) > datetime.now(UTC)
    good(ann("DELETE", f"/tokens/{told['id']}"))
    assert program("GET", "/auth/token").status_code == 401


def test_a_service_account_is_told_what_it_carries(ann: Visitor, client: TestClient) -> None:
    account = ann.post("/service-accounts", {"name": "told", "role": "manager"})["id"]
    made = ann.post(f"/service-accounts/{account}/tokens", {"name": "bus", "scopes": ["audit"]})
    program = Visitor(client, made["token"])
    told = good(program("GET", "/auth/token")).json()
    assert (told["owner_kind"], told["owner_id"], told["role"]) == ("service", account, "manager")
    assert (told["id"], told["name"], told["scopes"]) == (made["id"], "bus", ["audit"])
    good(ann("POST", f"/service-accounts/{account}/disable"))
    assert program("GET", "/auth/token").status_code == 401


def test_whoever_signed_in_carries_no_token(ann: Visitor) -> None:
    assert ann("GET", "/auth/token").status_code == 404


def test_the_last_use_is_known_to_a_minute(ann: Visitor, settings: Settings) -> None:
    program = ann.program("read")
    id = ann.get("/tokens")["items"][0]["id"]
    for _ in range(3):
        assert program("GET", "/projects").status_code == 200
    used = ann.get("/tokens")["items"][0]["last_used_at"]
    assert abs((datetime.now(UTC) - datetime.fromisoformat(used)).total_seconds()) < 60
    with psycopg.connect(settings.need("database_url")) as connection:
        row = connection.execute("SELECT xmin::text, used_at FROM secrets.api_token_uses WHERE token_id = %s", [id])
        before = row.fetchone()
        assert program("GET", "/projects").status_code == 200
        row = connection.execute("SELECT xmin::text, used_at FROM secrets.api_token_uses WHERE token_id = %s", [id])
        assert row.fetchone() == before


def test_admins_see_and_revoke_the_tokens_of_all_and_nobody_else_does(ann: Visitor, bob: Visitor) -> None:
    engineer = ann.colleague("engineer_i")
    made = engineer.post("/tokens", NIGHTLY)
    ann.seen = engineer.seen
    assert made["id"] in {each["id"] for each in ann.get("/tokens?everybody=true&limit=1000")["items"]}
    assert made["id"] not in {each["id"] for each in ann.get("/tokens?limit=1000")["items"]}
    assert [each["id"] for each in engineer.get("/tokens")["items"]] == [made["id"]]
    assert engineer("GET", "/tokens?everybody=true").status_code == 403
    assert bob.get("/tokens?everybody=true")["items"] == []
    assert bob("DELETE", f"/tokens/{made['id']}").status_code == 404
    assert ann("DELETE", f"/tokens/{made['id']}").status_code == 200
    assert Visitor(ann.client, made["token"])("GET", "/projects").status_code == 401


def test_a_token_of_another_organization_sees_nothing_here(ann: Visitor, bob: Visitor) -> None:
    project = ann.post("/projects", {"name": "P"})["id"]
    program = bob.program("read", "write")
    assert program("GET", f"/projects/{project}", Vistory_Min_Position=ann.seen).status_code == 404
    assert program("PATCH", f"/projects/{project}", {"name": "Mine"}).status_code == 404


def test_a_token_is_worth_nothing_while_its_owner_is_shut_out_and_never_again_once_removed(ann: Visitor) -> None:
    engineer = ann.colleague("engineer_i")
    program = engineer.program("read")
    ann("POST", f"/admin/users/{engineer.id}/deactivate", {})
    assert program("GET", "/projects").status_code == 401
    ann("POST", f"/admin/users/{engineer.id}/reactivate", {})
    assert program("GET", "/projects").status_code == 200
    ann("DELETE", f"/admin/users/{engineer.id}")
    assert program("GET", "/projects").status_code == 401
    (left,) = [each for each in ann.get("/tokens?everybody=true")["items"] if each["owner_id"] == engineer.id]
    assert (left["revoked_by"], left["status"]) == (ann.id, "revoked")


def test_a_token_s_role_is_its_owner_s_of_now(ann: Visitor) -> None:
    engineer = ann.colleague("engineer_ii")
    program = engineer.program("read", "write")
    assert program("POST", "/datasets", {"name": "D"}).status_code == 201
    ann("PATCH", f"/admin/users/{engineer.id}/role", {"role": "guest"})
    assert program("POST", "/datasets", {"name": "D"}).status_code == 403


def test_a_token_whose_time_is_over_is_refused_and_that_is_noted(ann: Visitor, settings: Settings) -> None:
    minted, token_id = mint(), uuid7()
    program = Visitor(ann.client, minted.token)
    asked = CreateToken(
        token_id=token_id, name="old", scopes={Scope.READ}, days=1, prefix=minted.prefix, digest=minted.digest
    )
    owner = Caller(kind="person", id=UUID(ann.id), organization_id=UUID(ann.organization))
    with Core.open(settings) as core, Host.of(core) as host:
        platform, tokens = Platform(core.store, core.mapper, host.dispatch), core.api_tokens()
        assert asyncio.run(expire_due(platform, tokens)) == 0
        host.dispatch(asked, Errand(owner, datetime.now(UTC) - timedelta(days=2), uuid7()))
        refused = program("GET", "/projects")
        assert (refused.status_code, "expired" in refused.text) == (401, True)
        assert [asyncio.run(expire_due(platform, tokens)) for _ in range(2)] == [1, 0]
        ann.seen = f"{core.mapper.ledger}:{core.store.head().position}"
    assert program("GET", "/projects").status_code == 401
    assert [each["status"] for each in ann.get("/tokens")["items"] if each["id"] == str(token_id)] == ["expired"]
    told = ann.get(f"/audit/entity/api_token/{token_id}")["items"]
    assert [(each["action"], each["actor_kind"]) for each in told] == [("expire", "system"), ("create", "person")]


def test_a_token_that_is_good_yet_by_our_clock_is_looked_at_again_after_a_rest(
    ann: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set back: by the database's the time of a whole load of tokens is over, by ours of none."""
    monkeypatch.setattr(api_tokens, "AT_ONCE", 1)
    owner = Caller(kind="person", id=UUID(ann.id), organization_id=UUID(ann.organization))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    before = yesterday - timedelta(hours=1)
    with Core.open(settings) as core, Host.of(core) as host:
        minted = mint()
        tries: list[datetime] = []
        asked = CreateToken(
            token_id=uuid7(), name="old", scopes={Scope.READ}, days=1, prefix=minted.prefix, digest=minted.digest
        )
        host.dispatch(asked, Errand(owner, before, uuid7()))

        def counted(command: Command, errand: Errand) -> Accepted:
            tries.append(errand.now)
            return host.dispatch(command, errand)

        async def keep(clock: Callable[[], datetime]) -> None:
            with suppress(TimeoutError):
                keeper = expire_tokens(Platform(core.store, core.mapper, counted, clock), core.api_tokens())
                await asyncio.wait_for(keeper, 1)

        asyncio.run(keep(lambda: yesterday))
        assert tries == [yesterday]
        assert asyncio.run(expire_due(Platform(core.store, core.mapper, host.dispatch), core.api_tokens())) == 1


def test_whoever_carries_a_token_may_send_a_long_request(ann: Visitor, client: TestClient) -> None:
    content = b'{"name": "' + b"x" * (2 * LONGEST_OF_A_STRANGER) + b'"}'
    for token, status in ((ann.program("write").token, 422), ("vst_nonsense", 401)):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        assert client.post(f"{PREFIX}/projects", content=content, headers=headers).status_code == status


def listen(socket: Any) -> None:
    while True:
        socket.receive_json()


def test_a_socket_takes_a_token_for_reading(ann: Visitor, worker: Worker, client: TestClient) -> None:
    job = trained(ann, worker, filled(ann))["id"]
    for scope, code in (("read", 1000), ("audit", 4403)):
        with client.websocket_connect(f"{PREFIX}/training-jobs/{job}/live") as socket:
            socket.send_json({"token": ann.program(scope).token})
            with pytest.raises(WebSocketDisconnect) as closed:
                listen(socket)
        assert closed.value.code == code


@pytest.mark.parametrize("whose", ["a person's", "a service account's"])
@pytest.mark.parametrize("over", ["revoked", "expired"])
def test_a_socket_ends_with_the_token_that_opened_it(
    ann: Visitor, worker: Worker, client: TestClient, monkeypatch: pytest.MonkeyPatch, whose: str, over: str
) -> None:
    monkeypatch.setattr("api.live.LOOKED_AT_AGAIN_EVERY", 0.0)
    job = requested(ann, filled(ann))["id"]
    account = ann.post("/service-accounts", {"name": "watcher", "role": "guest"})["id"]
    tokens = "/tokens" if whose == "a person's" else f"/service-accounts/{account}/tokens"
    made = ann.post(tokens, {"name": "watcher"})
    with client.websocket_connect(f"{PREFIX}/training-jobs/{job}/live") as socket:
        socket.send_json({"token": made["token"]})
        assert socket.receive_json()["status"] == "queued"
        if over == "revoked":
            assert ann("DELETE", f"{tokens}/{made['id']}").status_code == 200
        else:
            a_year_passes_for_tokens(monkeypatch)
        assert Visitor(client, made["token"])("GET", "/projects").status_code == 401
        with pytest.raises(WebSocketDisconnect) as closed:
            listen(socket)
    assert closed.value.code == 4401


def test_mlflow_s_pages_are_shown_to_a_token_for_reading(ann: Visitor, client: TestClient) -> None:
    for scope, status in (("audit", 403), ("train", 403)):
        answer = client.get("/mlflow/", headers={"Authorization": f"Bearer {ann.program(scope).token}"})
        assert (answer.status_code, "lacks the scope read" in answer.text) == (status, True)
    answer = client.get("/mlflow/", headers={"Authorization": f"Bearer {ann.program('read').token}"})
    assert "scope" not in answer.text
    assert client.get("/mlflow/", headers={"Authorization": "Bearer vst_nonsense"}).status_code == 401
