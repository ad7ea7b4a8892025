"""What every Places promises, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from psycopg_pool import ConnectionPool

from commands.ports import Places
from domain.training import OrganizationIsBusy
from infra.places import Places as RealPlaces
from tests.consumers.test_run_writer import Scene
from tests.doubles import Room
from tests.ground import NOW, ground
from tests.servers import Databases

HERE, THERE = uuid4(), uuid4()


@dataclass
class Platform:
    """One on which each organization may run two trainings, and whose ledger knows of every job that is asked for."""

    places: Places
    job: Callable[[], UUID] = uuid4


@dataclass
class RealPlatform(Platform):
    finish: Callable[[UUID], None] = lambda job: None


@pytest.fixture
def real(fresh_database: Callable[[], Databases]) -> Iterator[RealPlatform]:
    databases = fresh_database()
    with ground(databases) as ready, ConnectionPool(databases.app_url, min_size=1, open=True) as pool:
        scene = Scene(ready, "")

        def job() -> UUID:
            scene.job_id = uuid4()
            scene.happened(scene.requested())
            return scene.job_id

        def finish(id: UUID) -> None:
            job = scene.found(id)
            job.cancel(NOW)
            scene.happened(job)

        yield RealPlatform(RealPlaces(pool, 2), job, finish)


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.connected)])
def platform(request: pytest.FixtureRequest) -> Platform:
    if request.param == "double":
        return Platform(Room(2))
    real: Platform = request.getfixturevalue("real")
    return real


def test_there_are_so_many_places_and_no_more(platform: Platform) -> None:
    platform.places.take(HERE, platform.job())
    platform.places.take(HERE, platform.job())
    with pytest.raises(OrganizationIsBusy):
        platform.places.take(HERE, platform.job())


def test_the_same_place_once_more_is_no_second_one(platform: Platform) -> None:
    first, second = platform.job(), platform.job()
    for job in (first, second, first, second):
        platform.places.take(HERE, job)


def test_organizations_do_not_take_each_others_places(platform: Platform) -> None:
    for organization in (HERE, THERE, HERE, THERE):
        platform.places.take(organization, platform.job())
    for organization in (HERE, THERE):
        with pytest.raises(OrganizationIsBusy):
            platform.places.take(organization, platform.job())


def test_a_training_that_is_over_leaves_its_place(real: RealPlatform) -> None:
    first = real.job()
    real.places.take(HERE, first)
    real.places.take(HERE, real.job())
    real.finish(first)
    real.places.take(HERE, real.job())
    with pytest.raises(OrganizationIsBusy):
        real.places.take(HERE, real.job())


def test_who_asks_why_a_training_waits_changes_nothing(real: RealPlatform) -> None:
    """Places that were left are cleared away at the next claim, which stands in line for that."""
    places = real.places
    assert isinstance(places, RealPlaces)
    jobs = real.job(), real.job()
    for job in jobs:
        places.take(HERE, job)
    assert places.why_waiting(HERE)
    real.finish(jobs[0])
    assert places.why_waiting(HERE) is None
    with places.pool.connection() as connection:
        assert connection.execute("SELECT count(*) FROM work.places").fetchone() == (2,)
    places.take(HERE, real.job())
    with places.pool.connection() as connection:
        assert connection.execute("SELECT count(*) FROM work.places").fetchone() == (2,)
