"""Read models that a test fills by itself, without a ledger behind them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Connection

from infra.migrate import migrate
from infra.provision import APP
from infra.reading import Reading, engine_for
from infra.tables import furnish
from projections import PROJECTIONS
from tests.servers import Databases, Servers


@contextmanager
def furnished(servers: Servers, fill: Callable[[Connection], object]) -> Iterator[Databases]:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, UUID(int=9))
    engine = engine_for(databases.app_url, pool_size=1)
    furnish(engine, PROJECTIONS)
    with engine.begin() as tx:
        fill(tx)
    engine.dispose()
    yield databases
    servers.drop(databases)


@contextmanager
def reading(databases: Databases) -> Iterator[Connection]:
    by = Reading(databases.app_url)
    with by.transaction() as found:
        yield found
    by.close()
