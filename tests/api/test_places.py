"""How many trainings an organization runs at once, on the real ledger: more wait, and say why."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from psycopg_pool import ConnectionPool

from domain.training import OrganizationIsBusy
from infra.config import Settings
from infra.places import Places
from tests.api.folders import filled
from tests.api.visitor import Visitor
from tests.api.worker import Worker, evidence, requested
from tests.servers import Servers
from tests.serving import limited


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return limited(settings, running_per_organization=1)


@pytest.fixture(scope="module")
def other(client: TestClient, servers: Servers) -> Worker:
    return Worker(client, servers.stack.passwords["worker-timm"], "timm")


def wish(job: str, worker: Worker) -> tuple[str, str, dict[str, object]]:
    body = {"attempt": 1, "worker_id": worker.worker_id, "worker": "a machine"}
    return "POST", f"/training-jobs/{job}/attempts", body


def test_more_than_the_organization_may_run_wait_and_another_one_does_not(
    ann: Visitor, bob: Visitor, worker: Worker, other: Worker
) -> None:
    first, second = (requested(ann, dataset)["id"] for dataset in [filled(ann)] * 2)
    theirs = requested(bob, filled(bob))["id"]
    attempt = worker.claim(first)
    assert ann.get(f"/training-jobs/{first}", Vistory_Min_Position=worker.seen)["waits_for"] is None
    answer = other(*wish(second, other))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:vistory:problem:organization-is-busy")
    assert "one training" in answer.json()["detail"]
    assert ann.get(f"/training-jobs/{second}")["waits_for"] == answer.json()["detail"]
    listed = {job["id"]: job["waits_for"] for job in ann.get("/training-jobs")["items"]}
    assert (listed[first], listed[second]) == (None, answer.json()["detail"])
    assert other.claim(theirs).token
    assert worker.claim(first).token, "whoever has a place keeps it"
    attempt.report("fail", evidence())
    assert ann.get(f"/training-jobs/{second}", Vistory_Min_Position=attempt.seen)["waits_for"] is None
    assert other.claim(second).token


@pytest.fixture
def places(settings: Settings) -> Iterator[Places]:
    with ConnectionPool(settings.need("database_url"), kwargs={"autocommit": True}) as pool:
        yield Places(pool, 1)


def test_of_many_that_claim_at_once_no_more_than_one_is_given_a_place(
    bob: Visitor, worker: Worker, places: Places
) -> None:
    dataset = filled(bob)
    jobs = [UUID(requested(bob, dataset)["id"]) for _ in range(4)]
    house = uuid4()

    def takes(job: UUID) -> bool:
        try:
            places.take(house, job)
        except OrganizationIsBusy:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(takes, jobs)) == 1


def test_a_claim_that_came_to_nothing_holds_its_place_for_a_moment_only(
    bob: Visitor, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, house = filled(bob), uuid4()
    first, second = (UUID(requested(bob, dataset)["id"]) for _ in range(2))
    places.take(house, first)
    with pytest.raises(OrganizationIsBusy):
        places.take(house, second)
    monkeypatch.setattr("infra.places.CLAIMED_WITHIN", 0.0)
    places.take(house, second)
