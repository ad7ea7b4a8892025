from collections.abc import Callable, Iterator

import psycopg
import pytest

from domain.model import Aggregate, Event
from domain.training_job import TrainingJob
from infra.durables import for_reaction, for_trainers
from tests.contracts.freeze import NOW, WORKER, request, work
from tests.ground import ORGANIZATION, Ground, ground
from tests.servers import Databases


@pytest.fixture
def ledger(fresh_database: Callable[..., Databases]) -> Iterator[Ground]:
    with ground(fresh_database()) as ready:
        yield ready


def store(ledger: Ground, aggregate: Aggregate) -> None:
    stored = [ledger.stored(event) for event in aggregate.collect_events() if isinstance(event, Event)]
    assert ledger.append(stored).verdict == "accepted"


def job(number: int) -> TrainingJob:
    _, dataset, _ = work(ORGANIZATION)
    return request(number, dataset)


def start(ledger: Ground) -> int:
    return for_trainers(ledger.databases.app_url, ["timm"])[0].start


def test_a_trainer_goes_on_from_the_first_attempt_that_nobody_has_begun(ledger: Ground) -> None:
    begun, waiting = job(1), job(2)
    begun.claim(1, WORKER, "w", NOW)
    waiting.link_mlflow("run", NOW)
    store(ledger, begun)
    assert start(ledger) == 3
    store(ledger, waiting)
    assert start(ledger) == 3
    waiting.claim(1, WORKER, "w", NOW)
    store(ledger, waiting)
    assert start(ledger) == ledger.ledger.head().position + 1


def test_a_reaction_goes_on_behind_its_row(ledger: Ground) -> None:
    url = ledger.databases.app_url
    assert for_reaction(url, "greet-on-registered", ("vistory.events.>",)).start == 1
    with psycopg.connect(url) as application:
        application.execute("INSERT INTO work.positions VALUES ('react:greet-on-registered', 'EVENTS', 41)")
    assert for_reaction(url, "greet-on-registered", ("vistory.events.>",)).start == 42
