"""What every Usage promises, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from commands.ports import Usage
from domain.training import Device
from infra.migrate import migrate
from infra.provision import APP
from infra.reading import Reading, engine_for
from infra.rows import save
from infra.tables import furnish
from infra.usage import Usage as RealUsage
from projections import training_job
from projections.attempt import attempts
from tests.doubles import Used
from tests.servers import Databases

HERE, THERE = uuid4(), uuid4()
MONTH = datetime.fromisoformat("2026-03-01T00:00:00+00:00")
NOW = MONTH + timedelta(hours=10)
Stretch = tuple[UUID, datetime, datetime | None]
Make = Callable[..., Usage]


def hours(count: float) -> datetime:
    return MONTH + timedelta(hours=count)


class Real:
    def __init__(self, databases: Databases) -> None:
        migrate(databases.owner_url, APP, uuid4())
        self.engine: Engine = engine_for(databases.app_url, pool_size=1)
        self.reading = Reading(databases.app_url, pool_size=1)
        furnish(self.engine, [training_job.PROJECTION])

    def usage(self, stretches: Sequence[Stretch] = (), device: str = Device.CUDA.value) -> RealUsage:
        empty = dict.fromkeys(column.name for column in attempts.columns)
        rows = [
            empty
            | {"job_id": uuid4(), "attempt": 1, "organization_id": organization, "status": "running", "device": device}
            | {"queued_at": begun, "started_at": begun, "ended_at": ended, "position": 1}
            for organization, begun, ended in stretches
        ]
        with self.engine.begin() as tx:
            save(tx, attempts, {(row["job_id"], 1): row for row in rows})
        return RealUsage(self.reading)

    def close(self) -> None:
        self.reading.close()
        self.engine.dispose()


@pytest.fixture
def real(fresh_database: Callable[[], Databases]) -> Iterator[Real]:
    made = Real(fresh_database())
    yield made
    made.close()


def told(stretches: Sequence[Stretch] = ()) -> Usage:
    double = Used()
    double.on_gpus = list(stretches)
    return double


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.connected)])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "double":
        return told
    real: Real = request.getfixturevalue("real")
    return real.usage


@pytest.mark.parametrize(
    ("begun", "ended", "within"),
    [
        (hours(1), hours(3), 2.0),
        (hours(-5), hours(1), 1.0),
        (hours(9), None, 1.0),
        (hours(9), hours(12), 1.0),
        (hours(-5), None, 10.0),
        (hours(-5), hours(-1), 0.0),
        (hours(11), None, 0.0),
    ],
)
def test_what_lies_within_counts(make: Make, begun: datetime, ended: datetime | None, within: float) -> None:
    assert make([(HERE, begun, ended)]).gpu_hours(HERE, MONTH, NOW) == pytest.approx(within)


def test_trainings_beside_each_other_count_each_and_those_of_others_do_not(make: Make) -> None:
    usage = make([(HERE, hours(1), hours(3)), (HERE, hours(2), hours(3)), (THERE, hours(1), hours(9))])
    assert usage.gpu_hours(HERE, MONTH, NOW) == pytest.approx(3.0)


def test_nothing_was_used_where_nothing_was(make: Make) -> None:
    assert make([]).gpu_hours(HERE, MONTH, NOW) == 0


def test_a_training_on_a_processor_uses_no_gpu(real: Real) -> None:
    assert real.usage([(HERE, hours(1), hours(3))], device="cpu").gpu_hours(HERE, MONTH, NOW) == 0


def test_a_platform_without_read_models_has_used_none(fresh_database: Callable[[], Databases]) -> None:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid4())
    reading = Reading(databases.app_url, pool_size=1)
    assert RealUsage(reading).gpu_hours(HERE, MONTH, NOW) == 0
    reading.close()
