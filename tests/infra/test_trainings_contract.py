"""What every Trainings promises, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from uuid import UUID, uuid4

import psycopg
import pytest

from commands.ports import Trainings
from commands.training_job import CancelTraining, ClaimJob, FailTraining
from domain.training import OVER, Status
from infra.reading import NotThereYet, Reading, consumer, engine_for
from infra.rows import save
from infra.tables import furnish
from infra.trainings import Trainings as RealTrainings
from projections import training_job
from projections.jobs import jobs
from tests.commands.conftest import ann, register, verify
from tests.commands.test_dataset import CRACKS, ONE, split, upload
from tests.commands.test_dataset import create as dataset
from tests.commands.test_experiment import create as experiment
from tests.commands.test_project import CELLS
from tests.commands.test_project import create as project
from tests.commands.test_training_job import broken, pool, request, start, worker
from tests.doubles import Trained
from tests.ground import ground
from tests.servers import Databases
from tests.spec import NOBODY, START, Spec

Make = Callable[[Sequence[Status]], Trainings]


def told(statuses: Sequence[Status]) -> Trainings:
    spec = Spec().by(NOBODY).given(register(ann.id, "ann"), verify(ann.id)).by(ann)
    spec.given(project, dataset, upload(spec, ONE), split, experiment)
    for status in statuses:
        job_id = uuid4()
        spec.by(ann).given(request(job_id=job_id))
        if status is Status.CANCELLED:
            spec.given(CancelTraining(job_id=job_id))
        if status in (Status.CLAIMED, Status.RUNNING, Status.FAILED):
            spec.by(pool()).given(ClaimJob(job_id=job_id, attempt=1, worker="gpu-1"))
        if status in (Status.RUNNING, Status.FAILED):
            spec.by(worker(job_id=job_id)).given(start.model_copy(update={"job_id": job_id}))
        if status is Status.FAILED:
            spec.given(FailTraining(job_id=job_id, attempt=1, evidence=broken))
    return Trained(spec.ledger, spec.mapper)


@pytest.fixture
def real(fresh_database: Callable[[], Databases]) -> Iterator[Make]:
    databases = fresh_database()
    with ground(databases) as land, closing(Reading(databases.app_url, pool_size=1)) as reading:
        engine = engine_for(databases.app_url, pool_size=1)
        furnish(engine, [training_job.PROJECTION])

        def make(statuses: Sequence[Status]) -> Trainings:
            empty = dict.fromkeys(column.name for column in jobs.columns)
            plain = {"owner_id": ann.id, "experiment_id": uuid4(), "snapshot": {}, "recipe": {}, "metrics": {}}
            plain |= {"attempt": 1, "cancelling": False, "epoch": 0, "position": 1, "first_position": 1}
            plain |= {"organization_id": uuid4(), "project_id": CELLS, "dataset_id": CRACKS}
            rows = [empty | plain | {"id": uuid4(), "status": each.value, "requested_at": START} for each in statuses]
            with engine.begin() as tx:
                save(tx, jobs, {(row["id"],): row for row in rows})
            reach(databases, land.ledger.head().position)
            return RealTrainings(reading, land.ledger)

        yield make
        engine.dispose()


def reach(databases: Databases, position: int) -> None:
    with psycopg.connect(databases.app_url) as connection:
        connection.execute(
            "INSERT INTO work.positions (consumer, stream, position) VALUES (%s, 'EVENTS', %s)",
            (consumer(training_job.PROJECTION.name), position),
        )


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.connected)])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "double":
        return told
    real: Make = request.getfixturevalue("real")
    return real


@pytest.mark.parametrize("of", [CELLS, CRACKS], ids=["in a project", "on a dataset"])
def test_those_count_that_are_not_over(make: Make, of: UUID) -> None:
    statuses = [Status.QUEUED, Status.CLAIMED, Status.RUNNING, Status.FAILED, Status.CANCELLED, Status.CANCELLED]
    trainings = make(statuses)
    assert trainings.unfinished(of) == sum(each not in OVER for each in statuses) == 3
    assert trainings.unfinished(uuid4()) == 0


def test_a_read_model_that_is_behind_answers_nothing(fresh_database: Callable[[], Databases]) -> None:
    """Else a training that was asked for a moment ago would not count."""
    databases = fresh_database()
    with ground(databases) as land, closing(Reading(databases.app_url, pool_size=1)) as reading:
        engine = engine_for(databases.app_url, pool_size=1)
        furnish(engine, [training_job.PROJECTION])
        engine.dispose()
        reach(databases, 0)
        assert RealTrainings(reading, land.ledger).unfinished(CELLS) == 0
        land.write(1)
        with pytest.raises(NotThereYet):
            RealTrainings(reading, land.ledger).unfinished(CELLS)
