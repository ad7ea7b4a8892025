"""Waiting for a read model: bounded in time and in how many wait at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from uuid_utils.compat import uuid7

from infra.migrate import migrate
from infra.provision import APP
from infra.reading import MOST_WAITING, NotThereYet, Reading
from tests.servers import Servers


def test_so_many_wait_and_the_next_is_told_at_once(servers: Servers) -> None:
    databases = servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    reading = Reading(databases.app_url)
    crowd = 2 * MOST_WAITING
    together = Barrier(crowd)

    def wait() -> str:
        together.wait()
        with pytest.raises(NotThereYet) as told:
            reading.wait_until(["nobody"], 7, timeout=5.0)
        return str(told.value)

    with ThreadPoolExecutor(crowd) as threads:
        told = [asked.result() for asked in [threads.submit(wait) for _ in range(crowd)]]
    reading.close()
    servers.drop(databases)
    assert sum("others wait" in each for each in told) == crowd - MOST_WAITING
