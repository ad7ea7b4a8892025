"""Pages that are read ahead are the pages that would be read one by one, wherever they are."""

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

from domain.manifest import digest
from infra.blobs import Blobs
from infra.migrate import migrate
from infra.objects import ObjectIsMissing, Objects
from infra.pages import READ_TOGETHER, Pages, ahead
from infra.provision import APP
from tests.servers import Databases, Servers

pytestmark = pytest.mark.connected
HERE, THERE = uuid4(), uuid4()
COUNT = 3 * READ_TOGETHER


@pytest.fixture
def blobs(servers: Servers, fresh_database: Callable[[], Databases]) -> Iterator[Blobs]:
    databases = fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    with ConnectionPool(databases.app_url, min_size=1, open=True) as pool:
        yield Blobs(pool, Objects.open(servers.settings("api", databases)))


def kept(blobs: Blobs, organization: UUID) -> dict[str, bytes]:
    pages = {digest(each): each for each in (b"page %d" % number for number in range(COUNT))}
    writing = Pages(blobs.pool, blobs, organization)
    for name, page in pages.items():
        writing.keep(name, page)
    writing.write()
    return pages


def test_pages_come_as_they_are_whatever_was_expected_and_in_whichever_order(blobs: Blobs) -> None:
    pages = kept(blobs, HERE)
    names = list(pages)
    for expected in ([], names, names[::-1], names[::2], [*names, *names], ["0" * 64, *names]):
        with ahead(blobs, HERE) as reading:
            reading.expect(expected)
            assert [reading.load(name) for name in names] == list(pages.values())
            assert reading.load(names[0]) == pages[names[0]]


def test_a_page_that_the_database_lost_is_read_from_its_object(blobs: Blobs) -> None:
    pages = kept(blobs, HERE)
    lost = list(pages)[3]
    with blobs.pool.connection() as connection:
        connection.execute("DELETE FROM content.pages WHERE sha256 = %s", (bytes.fromhex(lost),))
    with ahead(blobs, HERE) as reading:
        reading.expect(list(pages))
        assert [reading.load(name) for name in pages] == list(pages.values())


def test_another_organization_has_none_of_them(blobs: Blobs) -> None:
    pages = kept(blobs, HERE)
    with ahead(blobs, THERE) as reading:
        reading.expect(list(pages))
        with pytest.raises(ObjectIsMissing):
            reading.load(next(iter(pages)))
