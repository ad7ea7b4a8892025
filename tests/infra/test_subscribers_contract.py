"""What every Subscribers promises, asked of the real one and of the double that stands in for it."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool

from commands.ports import Subscribers
from domain.service_account import BusIsFull, SubscriptionStart
from infra.subscribers import Subscribers as RealSubscribers
from tests.doubles import FewPlaces
from tests.ground import ground
from tests.servers import Databases

ACME = UUID(int=11)
ONE, TWO, THREE = UUID(int=21), UUID(int=22), UUID(int=23)


@pytest.fixture
def real(fresh_database: Callable[[], Databases]) -> Iterator[RealSubscribers]:
    databases = fresh_database()
    with ground(databases) as ready, ConnectionPool(databases.app_url, min_size=1, open=True) as pool:
        ready.write(5)
        yield RealSubscribers(pool, 2)


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.connected)])
def subscribers(request: pytest.FixtureRequest) -> Subscribers:
    if request.param == "double":
        return FewPlaces(2)
    real: Subscribers = request.getfixturevalue("real")
    return real


def test_there_are_so_many_places_and_no_more(subscribers: Subscribers) -> None:
    for account in (ONE, TWO, ONE):
        subscribers.take(ACME, account, SubscriptionStart.BEGINNING, anew=True)
    with pytest.raises(BusIsFull):
        subscribers.take(ACME, THREE, SubscriptionStart.BEGINNING, anew=True)
    subscribers.take(ACME, TWO, SubscriptionStart.NOW, anew=True)


@pytest.mark.connected
def test_each_begins_where_it_was_told_to(real: RealSubscribers) -> None:
    real.take(ACME, ONE, SubscriptionStart.BEGINNING, anew=True)
    real.take(ACME, TWO, SubscriptionStart.NOW, anew=True)
    assert [(each.place, each.position, each.durable.start) for each in real.all()] == [(1, 0, 1), (2, 5, 6)]


@pytest.mark.connected
def test_where_one_stands_never_goes_back(real: RealSubscribers) -> None:
    real.take(ACME, ONE, SubscriptionStart.BEGINNING, anew=True)
    for position in (3, 2):
        real.note(real.all()[0], position)
    found = real.of(ONE)
    assert found is not None
    assert found.position == 3


@pytest.mark.connected
def test_a_place_that_is_free_is_given_again_from_the_beginning(real: RealSubscribers) -> None:
    real.take(ACME, ONE, SubscriptionStart.BEGINNING, anew=True)
    real.note(real.all()[0], 3)
    real.free(real.all()[0])
    assert real.of(ONE) is None
    real.take(ACME, TWO, SubscriptionStart.BEGINNING, anew=True)
    assert [(each.place, each.service_account_id, each.position) for each in real.all()] == [(1, TWO, 0)]


@pytest.mark.connected
def test_whoever_begins_anew_keeps_the_place_and_nothing_of_before_counts(real: RealSubscribers) -> None:
    real.take(ACME, ONE, SubscriptionStart.BEGINNING, anew=True)
    (before,) = real.all()
    real.take(ACME, ONE, SubscriptionStart.NOW, anew=False)
    assert real.all() == [before]
    real.take(ACME, ONE, SubscriptionStart.NOW, anew=True)
    real.take(ACME, ONE, SubscriptionStart.BEGINNING, anew=True)
    real.note(before, 4)
    real.free(before)
    assert real.all() == [before._replace(subscription=3)]
