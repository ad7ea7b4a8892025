"""An organization that was closed ends: what went on in it at once, and all that it has when its time is over."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from commands.access import Command
from consumers.ending import Liquidator
from domain.closure import closure_id
from domain.model import Envelope
from infra.blobs import Blobs
from infra.comparison import compare_rebuild
from infra.config import SETTINGS_FILE, Settings
from infra.host import Host
from infra.objects import Objects, s3_store
from infra.trash import Trash
from projections import PROJECTIONS
from tests.api.folders import filled, push, scenes
from tests.api.test_closure import close, login
from tests.api.test_session import gone_on
from tests.api.visitor import PASSWORD, Visitor, good
from tests.api.worker import Worker, requested, trained
from tests.serving import told

IN_TIME: Final = timedelta(days=30, minutes=1)
NAMES: Final = [each.name for each in PROJECTIONS]
# Dies after so many commands.
KILLED: Final = f"""
import os, signal, sys
from datetime import UTC, datetime, timedelta
from commands.access import Command
from consumers.ending import Liquidator
from infra.config import Settings
from infra.host import Host

class Dying(Liquidator):
    left = int(sys.argv[1])

    def _do(self, command, organization_id, now):
        if Dying.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.left -= 1
        return super()._do(command, organization_id, now)

with Host.open(Settings()) as host:
    while Dying(host).once(datetime.now(UTC) + timedelta(seconds={IN_TIME.total_seconds()})):
        pass
"""


@dataclass(frozen=True)
class Ground:
    host: Host
    settings: Settings

    def run(self, later: timedelta = timedelta(0)) -> None:
        """Until there is nothing to do at that time."""
        self.caught_up()
        while Liquidator(self.host).once(datetime.now(UTC) + later):
            self.caught_up()

    def caught_up(self) -> None:
        self.host.reading.wait_until(NAMES, self.host.core.store.head().position, 20)

    def empty(self) -> None:
        """What was purged is freed, and the hour of grace is over."""
        self.caught_up()
        core = self.host.core
        trash = Trash.of(core, self.host.reading, Blobs(core.pool, Objects.open(self.settings)), timedelta(0))
        for thrown in trash.waiting():
            trash.free(thrown)
        trash.sweep()

    def topics(self, organization: str) -> list[str]:
        rows = (self.host.core.mapper.recorded(row.stored, row.position, row.recorded_at) for row in self.rows())
        return [each.topic for each in rows if str(each.envelope.organization) == organization]

    def by_the_platform(self, organization: str) -> list[Envelope]:
        """What it did there by itself."""
        found = (self.host.core.mapper.decode(row.stored)[1] for row in self.rows())
        return [each for each in found if str(each.organization) == organization and each.actor.kind == "system"]

    def closing(self, organization: str) -> list[Envelope]:
        stored = self.host.core.store.events_of(closure_id(UUID(organization)))
        return [self.host.core.mapper.decode(each)[1] for each in stored]

    def rows(self) -> Any:
        return self.host.core.store.read(0, 100_000)

    def objects(self, organization: str) -> set[str]:
        batches = s3_store(self.settings).list(f"orgs/{organization}/blobs")
        return {each["path"] for batch in batches for each in batch}


@pytest.fixture(scope="module")
def ground(settings: Settings, client: object) -> Iterator[Ground]:
    with Host.open(settings) as host:
        yield Ground(host, settings)


@pytest.fixture
def admin(client: TestClient) -> Visitor:
    return Visitor(client).register(company=f"Company {uuid4()}")


def test_what_went_on_ends_with_the_closing_and_stays_ended(admin: Visitor, worker: Worker, ground: Ground) -> None:
    dataset = filled(admin)
    waits, runs = requested(admin, dataset)["id"], requested(admin, dataset)
    attempt = worker.claim(runs["id"])
    attempt.start()
    admin.verified().post("/invitations", {"email": f"{uuid4().hex}@example.org"})
    other = admin.colleague("manager")
    admin.post(f"/projects/{runs['project_id']}/owner/offer", {"person_id": other.id})
    admin.post(f"/datasets/{dataset}/owner/offer", {"person_id": other.id})
    close(admin)
    ground.run()
    assert attempt.get(attempt.path)["current"] is False
    admin.post("/organization/reopen")
    ground.caught_up()
    for id in (waits, runs["id"]):
        job = admin.get(f"/training-jobs/{id}")
        assert (job["status"], job["reason"]) == ("cancelled", "organization_closed")
    (invitation,) = admin.get("/invitations")["items"]
    assert (invitation["status"], invitation["reason"]) == ("cancelled", "organization_closed")
    assert admin.get(f"/projects/{runs['project_id']}")["offered_to"] is None
    assert admin.get(f"/datasets/{dataset}")["offered_to"] is None
    answer = attempt("POST", f"{attempt.path}/epochs", {"epoch": 1, "epochs": 3, "metrics": {}, "seconds": 1})
    assert answer.json()["type"] == "urn:vistory:problem:job-is-over"


def test_what_went_on_ends_also_where_it_was_reopened_before_anybody_looked(
    admin: Visitor, worker: Worker, ground: Ground
) -> None:
    job = requested(admin, filled(admin))["id"]
    attempt = worker.claim(job)
    attempt.start()
    admin.verified().post("/invitations", {"email": f"{uuid4().hex}@example.org"})
    things = (f"/projects/{admin.post('/projects', {'name': 'P'})['id']}", f"/datasets/{filled(admin)}")
    heir = admin.colleague("manager")
    for thing in things:
        admin.post(f"{thing}/owner/offer", {"person_id": heir.id})
    close(admin)
    admin.post("/organization/reopen")
    later = requested(admin, filled(admin))["id"]
    ground.run()
    ground.caught_up()
    assert [admin.get(f"/training-jobs/{id}")["status"] for id in (job, later)] == ["cancelled", "queued"]
    assert [each["status"] for each in admin.get("/invitations")["items"]] == ["cancelled"]
    assert [admin.get(thing)["offered_to"] for thing in things] == [None, None]
    stopped = ground.by_the_platform(admin.organization)
    assert {each.causation for each in stopped} == {ground.closing(admin.organization)[1].event}


def test_what_was_offered_ends_also_where_its_thing_was_changed_before_anybody_looked(
    admin: Visitor, ground: Ground
) -> None:
    project, dataset = (admin.post(f"/{kind}", {"name": "old"})["id"] for kind in ("projects", "datasets"))
    heir = admin.colleague("manager")
    things = (f"/projects/{project}", f"/datasets/{dataset}")
    for thing in things:
        admin.post(f"{thing}/owner/offer", {"person_id": heir.id})
    close(admin)
    admin.post("/organization/reopen")
    assert admin("PATCH", f"/projects/{project}", {"name": "new"}).is_success
    push(admin, dataset, scenes())
    ground.run()
    ground.caught_up()
    assert [admin.get(thing)["offered_to"] for thing in things] == [None, None]


def test_what_is_offered_and_sent_anew_after_the_reopening_is_let_be_though_nobody_has_looked_yet(
    admin: Visitor, ground: Ground
) -> None:
    """Before the look, or between it and what it leads to."""
    letters = [admin.verified().post("/invitations", {"email": f"{uuid4().hex}@example.org"})["id"] for _ in range(2)]
    things = [f"/projects/{admin.post('/projects', {'name': 'P'})['id']}" for _ in range(2)]
    things.append(f"/datasets/{admin.post('/datasets', {'name': 'D'})['id']}")
    first, second = admin.colleague("manager"), admin.colleague("manager")
    for thing in things:
        admin.post(f"{thing}/owner/offer", {"person_id": first.id})
    close(admin)
    admin.post("/organization/reopen")

    def anew(things: list[str], letters: list[str]) -> None:
        for thing in things:
            admin.post(f"{thing}/owner/offer", {"person_id": second.id})
        for letter in letters:
            admin.post(f"/invitations/{letter}/resend")

    class Overtaken(Liquidator):
        late = True

        def _do(self, command: Command, organization_id: UUID, now: datetime) -> bool:
            if Overtaken.late:
                Overtaken.late = False
                anew(things[1:], letters[1:])
            return super()._do(command, organization_id, now)

    anew(things[:1], letters[:1])
    ground.caught_up()
    while Overtaken(ground.host).once(datetime.now(UTC)):
        ground.caught_up()
    assert not Overtaken.late
    assert [admin.get(thing)["offered_to"] for thing in things] == [second.id] * 3
    assert [each["status"] for each in admin.get("/invitations")["items"]] == ["pending"] * 2


def test_nothing_is_completed_of_which_a_part_was_refused_meanwhile(
    admin: Visitor, worker: Worker, ground: Ground
) -> None:
    job, waits = (requested(admin, filled(admin))["id"] for _ in range(2))
    attempt = worker.claim(job)
    attempt.start()
    attempt.epoch(1)
    close(admin)
    report = {"epoch": 2, "epochs": 3, "metrics": {}, "seconds": 1}
    assert attempt("POST", f"{attempt.path}/epochs", report).status_code == 401
    admin.post("/organization/reopen")
    place, claim = {"sha256": "a" * 64, "size": 9}, {"attempt": 1, "worker_id": worker.worker_id, "worker": "a machine"}
    told = [attempt("POST", f"{attempt.path}/{what}", body) for what, body in (("epochs", report), ("objects", place))]
    told.append(worker("POST", f"/training-jobs/{waits}/attempts", claim))
    assert {each.json()["type"] for each in told} == {"urn:vistory:problem:job-is-over"}
    trained(admin, worker, filled(admin))
    ground.run()
    assert [admin.get(f"/training-jobs/{id}")["reason"] for id in (job, waits)] == ["organization_closed"] * 2


def test_what_was_completed_before_the_closing_is_told_again_after_a_reopening(admin: Visitor, worker: Worker) -> None:
    attempt = worker.claim(requested(admin, filled(admin))["id"])
    attempt.start()
    model = {"id": str(uuid4()), **attempt.keep(b"the model")}
    result = attempt.keep(b'{"format":1}')["sha256"]
    report = {"best_epoch": 2, "metrics": {"test/map50": 0.9}, "model": model, "result": result}
    first = attempt.report("complete", report, key="its end")
    close(admin)
    admin.post("/organization/reopen")
    assert attempt.report("complete", report, key="its end") == first


def test_before_its_time_nothing_that_it_has_goes(admin: Visitor, ground: Ground) -> None:
    dataset = filled(admin)
    close(admin)
    ground.run(timedelta(days=29))
    admin.post("/organization/reopen")
    assert admin.get(f"/datasets/{dataset}/images")["items"]
    ground.run(IN_TIME)
    assert admin.get(f"/datasets/{dataset}/images")["items"]


def test_when_its_time_is_over_nothing_and_nobody_is_left(
    admin: Visitor, bob: Visitor, worker: Worker, ground: Ground
) -> None:
    full(admin, worker)
    member, waiting = admin.colleague("guest"), Visitor(admin.client).register(admin.company)
    program, service = admin.program("read"), admin.service("guest", "read")
    held = login(member, refresh="body").json()["refresh_token"]
    close(admin)
    ground.run(IN_TIME)
    ground.empty()
    assert_ended(ground, admin)
    for each in (admin, member, waiting):
        assert login(each).status_code == 401
        assert each("GET", "/auth/me").status_code == 401
    for each in (program, service):
        assert each("GET", "/projects").status_code == 401
        assert each("POST", "/datasets", {"name": "D"}).status_code == 401
    renewed = Visitor(admin.client, good(gone_on(admin.client, held)).json()["access_token"])
    assert renewed("GET", "/auth/me").status_code == 401, "what is left to do is to go over to another organization"
    assert admin("POST", "/organization/reopen").status_code == 401
    assert bob.get("/projects", Vistory_Min_Position=admin.seen)["items"] == []
    assert compare_rebuild(ground.host.core).differences == ()


def test_what_the_platform_ends_names_the_closing_or_the_end_as_its_cause(
    admin: Visitor, worker: Worker, ground: Ground
) -> None:
    requested(admin, filled(admin))
    close(admin)
    ground.run()
    (_, closed), stopped = ground.closing(admin.organization), ground.by_the_platform(admin.organization)
    assert {(each.causation, each.correlation) for each in stopped} == {(closed.event, closed.correlation)}
    ground.run(IN_TIME)
    *_, ended = ground.closing(admin.organization)
    assert (ended.causation, ended.correlation) == (closed.event, closed.correlation)
    since = ground.by_the_platform(admin.organization)[len(stopped) :]
    assert {each.causation for each in since} == {closed.event, ended.event}


def test_what_cannot_be_ended_hides_nothing_behind_it(
    admin: Visitor, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.ending.AT_ONCE", 1)
    ids = sorted(admin.post("/datasets", {"name": name})["id"] for name in "abc")

    class Hindered(Liquidator):
        def _do(self, command: Command, organization_id: UUID, now: datetime) -> bool:
            return str(getattr(command, "dataset_id", "")) != ids[0] and super()._do(command, organization_id, now)

    close(admin)
    ground.caught_up()
    Hindered(ground.host).once(datetime.now(UTC) + IN_TIME)
    Hindered(ground.host).once(datetime.now(UTC) + IN_TIME)
    assert ground.topics(admin.organization).count("dataset.purged") == 2
    ground.run(IN_TIME)
    assert ground.topics(admin.organization).count("dataset.purged") == 3


def test_who_is_killed_half_way_goes_on_from_there(
    admin: Visitor, worker: Worker, ground: Ground, tmp_path: Path
) -> None:
    full(admin, worker)
    close(admin)
    ground.caught_up()
    environment = os.environ | {SETTINGS_FILE: str(told(ground.settings, tmp_path))}
    for commands in ("1", "2", "3"):
        run = [sys.executable, "-c", KILLED, commands]
        assert subprocess.run(run, env=environment, check=False, timeout=60).returncode == -signal.SIGKILL
        ground.caught_up()
    assert "membership.ended" not in ground.topics(admin.organization)
    ground.run(IN_TIME)
    ground.empty()
    assert_ended(ground, admin)
    topics = ground.topics(admin.organization)
    assert (topics.count("closure.organization_purged"), topics.count("dataset.purged")) == (1, 2)


def test_then_its_company_and_division_are_free_for_another_one(admin: Visitor, ground: Ground) -> None:
    close(admin)
    ground.run(IN_TIME)
    new = Visitor(admin.client).register(admin.company)
    assert new.organization != admin.organization
    assert new.get("/auth/me")["role"] == "admin"
    assert new.get("/organization")["use"]["users"] == 1
    second = Visitor(admin.client).register(admin.company.upper())
    assert (second.organization, second.get("/auth/me")["role"]) == (new.organization, None)
    assert {each["entity_id"] for each in new.get("/audit/organization?entity_type=closure")["items"]} == set()
    taken = {"email": admin.email, "full_name": "N", "password": PASSWORD, "company": "Mine", "division": "Vision"}
    assert Visitor(admin.client)("POST", "/auth/register", taken).status_code == 409


def full(admin: Visitor, worker: Worker) -> None:
    """A training with its model, another dataset, what is in the trash, and a program."""
    trained(admin, worker, filled(admin))
    admin.post("/datasets", {"name": "empty"})
    admin("DELETE", f"/projects/{admin.post('/projects', {'name': 'thrown'})['id']}")
    admin.service("manager", "read")
    admin.program("read")


def assert_ended(ground: Ground, admin: Visitor) -> None:
    topics = ground.topics(admin.organization)
    for began, ended in (
        ("dataset.created", "dataset.purged"),
        ("project.created", "project.purged"),
        ("membership.requested", "membership.ended"),
        ("service_account.created", "service_account.deleted"),
        ("api_token.created", "api_token.revoked"),
        ("organization.seat_taken", "organization.seat_released"),
    ):
        assert topics.count(began) == topics.count(ended) > 0, (began, ended)
    assert ground.objects(admin.organization) == set()
