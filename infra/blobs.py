"""The blobs of an organization: bytes by hash, of which the database knows that they are there.

A blob is known once the object store, which checks the hash of what is sent to it, has it in the size that was named.
Whether something is there already is answered within one organization only.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import Any, Final, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from domain.errors import Invalid
from domain.manifest import digest
from infra.objects import Objects

AT_ONCE: Final = 8
# What arrives without a name has one by then: the event, or the row of the archive, for which it was sent.
NAMED_WITHIN: Final = timedelta(hours=1)


class BlobIsMissing(Invalid):
    """Something refers to bytes that never arrived."""


class Named(NamedTuple):
    sha256: str
    size: int


class Received(NamedTuple):
    """Bytes that are there, with what was seen in them: facts of an image, or a short text itself."""

    sha256: str
    size: int
    facts: Mapping[str, Any] | None = None
    body: bytes | None = None


class Destination(NamedTuple):
    """Where to send bytes, and with which headers."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Blobs:
    pool: ConnectionPool
    objects: Objects

    def known(self, organization_id: UUID, sha256s: Iterable[str]) -> dict[str, int]:
        """The sizes of those that are there."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT encode(sha256, 'hex'), size FROM content.blobs"
                " WHERE organization_id = %s AND sha256 = ANY(%s) AND arrived",
                (organization_id, [bytes.fromhex(each) for each in sha256s]),
            ).fetchall()
        return dict(rows)

    def promised(self, organization_id: UUID, sha256s: Iterable[str]) -> set[str]:
        """Those that an address was given for, and that may have come since."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT encode(sha256, 'hex') FROM content.blobs"
                " WHERE organization_id = %s AND sha256 = ANY(%s) AND NOT arrived",
                (organization_id, [bytes.fromhex(each) for each in sha256s]),
            ).fetchall()
        return {sha256 for (sha256,) in rows}

    def unknown(self, organization_id: UUID, named: Iterable[Named]) -> list[Named]:
        """Those that are not known to be there, each once. Raises BlobIsMissing where a size is another."""
        wanted = self._by_hash(named)
        known = self.known(organization_id, wanted)
        for each in wanted.values():
            if known.get(each.sha256, each.size) != each.size:
                raise BlobIsMissing(f"the object {each.sha256} has {known[each.sha256]} bytes, not {each.size}")
        return [each for each in wanted.values() if each.sha256 not in known]

    def missing(self, organization_id: UUID, named: Iterable[Named]) -> list[Named]:
        """Those that are not there yet; what has arrived since is known from now on."""
        new = self.unknown(organization_id, named)
        there = {each.sha256 for each in self.looked(organization_id, lambda: self._there(organization_id, new))}
        return [each for each in new if each.sha256 not in there]

    def _there(self, organization_id: UUID, named: list[Named]) -> list[Received]:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            sizes = threads.map(lambda each: self.objects.size(organization_id, each.sha256), named)
            return [Received(*each) for each, size in zip(named, sizes, strict=True) if size == each.size]

    def confirm(self, organization_id: UUID, named: Iterable[Named], unsized: Iterable[str] = ()) -> None:
        """Raises BlobIsMissing unless each is there; the size of those that are `unsized` is taken from the store."""
        sized = [Named(sha256, self._size(organization_id, sha256)) for sha256 in unsized]
        for each in self.missing(organization_id, [*named, *sized]):
            raise BlobIsMissing(f"the object {each.sha256} ({each.size} bytes) was not uploaded")

    def _size(self, organization_id: UUID, sha256: str) -> int:
        size = self.objects.size(organization_id, sha256)
        if size is None:
            raise BlobIsMissing(f"the object {sha256} was not uploaded")
        return size

    @staticmethod
    def _by_hash(named: Iterable[Named]) -> dict[str, Named]:
        wanted: dict[str, Named] = {}
        for each in named:
            if wanted.setdefault(each.sha256, each).size != each.size:
                raise BlobIsMissing(f"the object {each.sha256} is named with two sizes")
        return wanted

    def seen(self, organization_id: UUID, sha256s: Iterable[str]) -> dict[str, tuple[Any, bytes | None]]:
        """Facts and text of those that were looked at."""
        with self.pool.connection() as connection:
            rows = connection.execute(
                "SELECT encode(sha256, 'hex'), facts, body FROM content.blobs"
                " WHERE organization_id = %s AND sha256 = ANY(%s) AND arrived AND num_nonnulls(facts, body) > 0",
                (organization_id, [bytes.fromhex(each) for each in sha256s]),
                binary=True,
            ).fetchall()
        return {sha256: (facts, body) for sha256, facts, body in rows}

    def read(self, organization_id: UUID, sha256: str) -> bytes:
        return self.objects.get(organization_id, sha256)

    def find(self, organization_id: UUID, sha256: str) -> bytes | None:
        return self.objects.find(organization_id, sha256)

    def write(self, organization_id: UUID, data: bytes) -> str:
        """Durable when this returns."""
        [sha256] = self.write_all(organization_id, [data])
        return sha256

    def write_all(self, organization_id: UUID, data: Iterable[bytes]) -> list[str]:
        """Durable when this returns, several at once."""
        by_hash = {digest(each): each for each in data}
        new = by_hash.keys() - self.known(organization_id, by_hash)

        def put() -> list[Received]:
            with ThreadPoolExecutor(AT_ONCE) as threads:
                list(threads.map(lambda sha256: self.objects.put(organization_id, sha256, by_hash[sha256]), new))
            return [Received(sha256, len(by_hash[sha256])) for sha256 in new]

        self.looked(organization_id, put)
        return list(by_hash)

    def place(self, organization_id: UUID, named: Named) -> Destination:
        return Destination(*self.objects.presigned_put(organization_id, named.sha256, named.size))

    def url(self, organization_id: UUID, sha256: str, name: str | None = None) -> str:
        return self.objects.presigned_get(organization_id, sha256, name)

    def looked(
        self, organization_id: UUID, look: Callable[[], Iterable[Received]], *, named: bool = False
    ) -> list[Received]:
        """What `look` finds in the store is known from now on; it looks again where something went from there since."""
        while True:
            sweeps = self._sweeps(organization_id)
            received = list(look())
            if self.receive(organization_id, received, sweeps, named=named):
                return received

    def _sweeps(self, organization_id: UUID) -> int:
        with self.pool.connection() as connection:
            query = "SELECT sweeps FROM content.room WHERE organization_id = %s"
            row = connection.execute(query, (organization_id,)).fetchone()
        return row[0] if row else 0

    def receive(
        self, organization_id: UUID, received: Iterable[Received], sweeps: int | None = None, *, named: bool = False
    ) -> bool:
        """From now on it is known that these are there, and what was seen in them.

        Unless something has `named` them already, it is looked up later whether anything does.
        Not so, and False, where something went from the store since there were so many `sweeps`.
        """
        # In one order, so that two calls that name the same objects wait for each other instead of both for ever.
        rows = sorted(received, key=attrgetter("sha256"))
        if not rows:
            return True
        facts = [None if each.facts is None else Jsonb(each.facts) for each in rows]
        columns = ([bytes.fromhex(each.sha256) for each in rows], [each.size for each in rows], facts)
        with self.pool.connection() as connection, connection.transaction():
            if hold(connection, organization_id) != sweeps and sweeps is not None:
                return False
            stay(connection, organization_id, columns[0])
            connection.execute(
                "INSERT INTO content.blobs (organization_id, arrived, sha256, size, facts, body)"
                " SELECT %s, true, * FROM unnest(%s::bytea[], %s::bigint[], %s::jsonb[], %s::bytea[])"
                " ON CONFLICT (organization_id, sha256) DO UPDATE SET arrived = true, promised_until = NULL,"
                " awaited_until = NULL, size = excluded.size, facts = coalesce(excluded.facts, blobs.facts),"
                " body = coalesce(excluded.body, blobs.body)",
                (organization_id, *columns, [each.body for each in rows]),
            )
            if not named:
                doubt(connection, organization_id, columns[0])
        return True

    def doubt(self, organization_id: UUID, sha256s: Iterable[str]) -> None:
        """Whoever sent these was refused to name them."""
        with self.pool.connection() as connection, connection.transaction():
            hold(connection, organization_id)
            doubt(connection, organization_id, [bytes.fromhex(each) for each in sha256s])

    def lose(self, organization_id: UUID, sha256s: Iterable[str]) -> None:
        """These were there and are not; whoever names them next is asked to send them."""
        with self.pool.connection() as connection, connection.transaction():
            hold(connection, organization_id)
            connection.execute(
                "UPDATE content.blobs SET arrived = false, awaited_until = greatest(awaited_until, now())"
                " WHERE organization_id = %s AND sha256 = ANY(%s)",
                (organization_id, [bytes.fromhex(each) for each in sha256s]),
            )


def hold(connection: Connection, organization_id: UUID) -> int:
    """What the organization stores is reckoned by one transaction at a time; take it before any of its blobs.

    Answers how often some of them went.
    """
    lock: LiteralString = "SELECT sweeps FROM content.room WHERE organization_id = %s FOR UPDATE"
    while (row := connection.execute(lock, (organization_id,)).fetchone()) is None:
        connection.execute("INSERT INTO content.room VALUES (%s) ON CONFLICT DO NOTHING", (organization_id,))
    return int(row[0])


def stay(connection: Connection, organization_id: UUID, sha256s: list[bytes]) -> None:
    """Somebody names these: they go from the store no more. The caller holds the organization."""
    query = "DELETE FROM content.leaving WHERE organization_id = %s AND sha256 = ANY(%s)"
    connection.execute(query, (organization_id, sha256s))


def doubt(connection: Connection, organization_id: UUID, sha256s: list[bytes]) -> None:
    """Perhaps nothing names these: that is looked up once whatever they were sent for has had its time."""
    connection.execute(
        "INSERT INTO content.leaving (organization_id, sha256, due_at) SELECT %s, unnest(%s::bytea[]), now() + %s"
        " ON CONFLICT DO NOTHING",
        (organization_id, sha256s, NAMED_WITHIN),
    )
