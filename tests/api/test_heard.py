from uuid import UUID

from infra.heard import Heard
from infra.leases import Key
from tests.api.folders import filled
from tests.api.visitor import Visitor
from tests.api.worker import Worker, requested


def test_the_platform_notes_when_it_heard_of_an_attempt_by_its_reports_and_by_its_questions(
    ann: Visitor, worker: Worker
) -> None:
    heard = Heard(worker.client.app.state.house.core.pool)  # type: ignore[attr-defined]
    for say in ("start", "standing"):
        job = requested(ann, filled(ann))["id"]
        attempt = worker.claim(job)
        assert not heard.lately(Key(UUID(job), 1))
        attempt.start() if say == "start" else attempt.get(attempt.path)
        assert heard.lately(Key(UUID(job), 1))
