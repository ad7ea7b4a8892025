"""What holds for every command: keys, receipts, one's own writes, bodies that make no sense."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.testclient import TestClient

from commands.ports import Accepted
from domain.errors import Conflict
from infra.config import Settings
from infra.dispatch import BESIDE_OTHERS, TRIES
from infra.idempotency import command_id
from infra.ledger import Ledger
from infra.line import Line
from infra.unit import Unit
from infra.wiring import Core
from tests.api.folders import filled
from tests.api.test_closure import close
from tests.api.visitor import PREFIX, Visitor
from tests.ground import backend_at_the_door
from tests.whole import waited


@pytest.fixture(scope="module")
def core(settings: Settings) -> Iterator[Core]:
    with Core.open(settings) as core:
        yield core


def test_the_same_key_gives_the_same_answer_and_does_it_once(ann: Visitor, core: Core) -> None:
    first = ann("POST", "/projects", {"name": "Once"}, key="k")
    head = core.store.head().position
    again = ann("POST", "/projects", {"name": "Once"}, key="k")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.headers["Vistory-Position"] == again.headers["Vistory-Position"]
    assert first.headers["Vistory-Chain"] == again.headers["Vistory-Chain"]
    assert core.store.head().position == head


def test_the_same_key_with_another_body_is_refused(ann: Visitor) -> None:
    ann.post("/projects", {"name": "One"}, key="reused")
    answer = ann("POST", "/projects", {"name": "Two"}, key="reused")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:vistory:problem:key-reused")


def test_the_same_key_on_another_thing_is_refused(ann: Visitor) -> None:
    one, two = (ann.post("/projects", {"name": name})["id"] for name in ("One", "Two"))
    assert ann("PATCH", f"/projects/{one}", {"name": "New"}, key="thing").status_code == 200
    assert ann("PATCH", f"/projects/{two}", {"name": "New"}, key="thing").status_code == 422


def test_a_key_is_its_owners_and_its_routes(ann: Visitor, bob: Visitor) -> None:
    mine = ann.post("/projects", {"name": "Same"}, key="shared")
    assert bob.post("/projects", {"name": "Same"}, key="shared")["id"] != mine["id"]
    assert ann.post("/datasets", {"name": "Same"}, key="shared")["id"] != mine["id"]


def test_whoever_repeats_is_let_do_it_still_and_has_the_same_answer_then(founder: Callable[[], Visitor]) -> None:
    admin = founder()
    member, program = admin.colleague("engineer_ii"), admin.program("read", "write")

    def told(*visitors: Visitor) -> list[tuple[int, str | None]]:
        answers = [each("POST", "/datasets", {"name": "Kept"}, "k") for each in visitors]
        return [(each.status_code, each.headers.get("Vistory-Position")) for each in answers]

    both = told(member, program)
    assert told(member, program) == both
    assert told(admin.program("read")) == [(403, None)]
    admin("PATCH", f"/admin/users/{member.id}/role", {"role": "guest"})
    assert told(member) == [(403, None)]
    admin("DELETE", f"/admin/users/{member.id}")
    assert told(member) == [(401, None)]
    close(admin)
    assert told(program) == [(401, None)]
    admin.post("/organization/reopen")
    assert told(program) == both[1:]


def test_whom_a_command_took_the_right_to_it_is_told_of_it_as_often_as_they_ask(founder: Callable[[], Visitor]) -> None:
    admin = founder()
    other, third = admin.colleague("admin"), admin.colleague("admin")
    for asks, method, path, body in (
        (other, "PATCH", f"/admin/users/{other.id}/role", {"role": "manager"}),
        (third, "DELETE", f"/admin/users/{third.id}", None),
    ):
        answers = [asks(method, path, body, "once") for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 200]
        assert len({each.headers["Vistory-Position"] for each in answers}) == 1
        assert asks(method, path, body).status_code in (401, 403)


def test_a_key_is_good_for_a_day_and_no_midnight_divides_it(ann: Visitor, core: Core) -> None:
    def meant(when: datetime) -> UUID:
        return command_id(core.pool, f"person {ann.id} {ann.organization}", "POST /projects", "night", when)

    now = datetime.now(UTC)
    in_flight = meant(now)
    assert {meant(now + timedelta(hours=hours)) for hours in range(24)} == {in_flight}
    ann.post("/projects", {"name": "Night"}, key="night")
    with core.pool.connection() as connection:
        found = connection.execute("SELECT recorded_at FROM ledger.commands WHERE id = %s", (in_flight,)).fetchone()
    assert found, "the request was done under the id that was foreseen"
    assert meant(found[0] + timedelta(hours=23, minutes=59)) == in_flight
    later = found[0] + timedelta(hours=24)
    assert meant(later) == meant(later + timedelta(days=9)) != in_flight


def test_an_answer_carries_a_receipt_that_the_ledger_bears_out(ann: Visitor, core: Core) -> None:
    answer = ann("POST", "/projects", {"name": "Receipt"})
    ledger, _, position = answer.headers["Vistory-Position"].partition(":")
    [row] = core.store.read(int(position) - 1, 1)
    assert ledger == str(core.mapper.ledger)
    assert row.chain.hex() == answer.headers["Vistory-Chain"]


def test_request_id_and_trace_reach_the_event(ann: Visitor, core: Core) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = ann("POST", "/projects", {"name": "Traced"}, traceparent=trace)
    position = int(answer.headers["Vistory-Position"].rpartition(":")[2])
    [row] = core.store.read(position - 1, 1)
    _, envelope = core.mapper.decode(row.stored)
    assert str(envelope.correlation) == answer.headers["X-Request-Id"]
    assert envelope.traceparent is not None
    assert envelope.traceparent.split("-")[1] == trace.split("-")[1]


def test_one_reads_what_one_wrote(ann: Visitor, holding: Event) -> None:
    holding.set()
    made = ann("POST", "/projects", {"name": "Seen at once"})
    id, position = made.json()["id"], made.headers["Vistory-Position"]
    assert ann("GET", f"/projects/{id}").status_code == 404
    late = ann("GET", f"/projects/{id}", Vistory_Min_Position=position)
    assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
    holding.clear()
    assert ann("GET", f"/projects/{id}", Vistory_Min_Position=position).json()["name"] == "Seen at once"


@pytest.mark.parametrize("position", ["7", "x:y", "00000000-0000-0000-0000-000000000000:1", "-:-1"])
def test_a_position_that_makes_no_sense_is_refused(ann: Visitor, position: str) -> None:
    assert ann("GET", "/projects", Vistory_Min_Position=position).status_code == 422


def test_a_position_ahead_of_the_ledger_is_refused_at_once(ann: Visitor) -> None:
    """Or it would hold a thread for as long as it is waited for."""
    ann.post("/projects", {"name": "P"})
    ledger, _, position = ann.seen.partition(":")
    answer = ann("GET", "/projects", Vistory_Min_Position=f"{ledger}:{int(position) + 10_000}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:vistory:problem:position-is-unknown")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.name"),
        ({"name": ""}, "body.name"),
        ({"name": "  "}, "body.name"),
        ({"name": "x" * 201}, "body.name"),
        ({"name": "a\nb"}, "body.name"),
        ({"name": "a\x00b"}, "body.name"),
        ({"name": 7}, "body.name"),
        ({"name": "x", "description": "\x00"}, "body.description"),
        ({"name": "x", "owner_id": "me"}, "body.owner_id"),
        ({"name": "x", "organization_id": "other"}, "body.organization_id"),
        ([], "body"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_by_field(ann: Visitor, body: Any, field: str) -> None:
    answer = ann("POST", "/projects", body)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("content", "statuses"),
    [
        (b"{", {422}),
        (b"", {422}),
        (b'{"name": NaN}', {422}),
        (b'{"name": "\\ud800"}', {422}),
        (b'{"\\ud800": 1}', {422}),
        (b"\xff\xfe", {400, 422}),
        (b"[" * 10_000 + b"]" * 10_000, {400, 422}),
        (b'{"name":' * 10_000 + b"1" + b"}" * 10_000, {400, 422}),
    ],
)
def test_what_is_no_sensible_json_is_refused(
    ann: Visitor, client: TestClient, content: bytes, statuses: set[int]
) -> None:
    headers = {"Authorization": f"Bearer {ann.token}", "Content-Type": "application/json"}
    answer = client.post(f"{PREFIX}/projects", content=content, headers=headers)
    assert answer.status_code in statuses
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_over_the_limit_is_refused_declared_or_not(ann: Visitor, client: TestClient) -> None:
    headers = {"Authorization": f"Bearer {ann.token}", "Content-Type": "application/json"}
    large = b" " * (8 * 2**20 + 1)
    assert client.post(f"{PREFIX}/projects", content=large, headers=headers).status_code == 413
    pieces = (b" " * 2**20 for _ in range(9))
    assert client.post(f"{PREFIX}/projects", content=pieces, headers=headers).status_code == 413


@pytest.mark.parametrize("name", ["مشروع", "🙂🧪", "プロジェクト", "שלום"])
def test_any_alphabet_is_welcome_in_a_name(ann: Visitor, name: str) -> None:
    id = ann.post("/projects", {"name": name})["id"]
    assert ann.get(f"/projects/{id}")["name"] == name


def test_a_problem_names_the_request(ann: Visitor) -> None:
    answer = ann("GET", "/projects/00000000-0000-0000-0000-000000000000")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() | {"detail": ""} == {
        "type": "urn:vistory:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": "",
        "instance": f"urn:uuid:{answer.headers['X-Request-Id']}",
    }


def test_a_rename_is_in_the_audit_log_with_old_and_new(ann: Visitor) -> None:
    id = ann.post("/projects", {"name": "Before"})["id"]
    assert ann("PATCH", f"/projects/{id}", {"name": "After"}).status_code == 200
    entry = ann.get(f"/audit/entity/project/{id}")["items"][0]
    assert entry["changes"] == {"name": {"old": "Before", "new": "After"}}
    assert (entry["actor_id"], entry["actor_role"]) == (ann.id, "admin")
    assert "Before" in entry["sentence"]


def test_whoever_goes_on_writing_is_shut_out_all_the_same(
    founder: Callable[[], Visitor], owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try is outrun by another project of theirs, until one is made while they wait."""
    ann = founder()
    ben, append, outrun = ann.colleague("engineer_ii"), Unit._append, list[Thread]()

    def outruns(unit: Unit, *asked: Any) -> Accepted:
        if unit.errand.caller.id == UUID(ann.id):
            outrun.append(Thread(target=ben, args=("POST", "/projects", {"name": f"Project {len(outrun)}"})))
            outrun[-1].start()
            if len(outrun) <= BESIDE_OTHERS:
                outrun[-1].join()
            else:
                waited(lambda: backend_at_the_door(owner), 30, "the last waits")
        return append(unit, *asked)

    monkeypatch.setattr(Unit, "_append", outruns)
    ann.post(f"/admin/users/{ben.id}/deactivate")
    for each in outrun:
        each.join()
    assert len(outrun) == BESIDE_OTHERS + 1
    assert ben("GET", "/projects").status_code == 401
    assert len(ann.get("/projects")["items"]) == BESIDE_OTHERS, "the last was refused"


@pytest.mark.parametrize(("asked", "alone"), [("DELETE", 1), ("POST", 0)], ids=["a deletion", "a split, of objects"])
def test_others_wait_only_for_what_asks_nothing_but_the_ledger(
    ann: Visitor, monkeypatch: pytest.MonkeyPatch, asked: str, alone: int
) -> None:
    dataset, lost, stood = filled(ann), list[Unit](), list[Line]()
    path, body = {"DELETE": ("", None), "POST": ("/split", {"seed": 7})}[asked]
    stand = Line.alone

    def loses(unit: Unit, *_: Any) -> Accepted:
        lost.append(unit)
        raise Conflict("somebody else was first")

    def stands(line: Line) -> AbstractContextManager[Ledger]:
        stood.append(line)
        return stand(line)

    monkeypatch.setattr(Unit, "_append", loses)
    monkeypatch.setattr(Line, "alone", stands)
    assert ann(asked, f"/datasets/{dataset}{path}", body).status_code == 409
    assert (len(stood), len(lost)) == (alone, BESIDE_OTHERS + 1 if alone else TRIES)
