"""What organizations store, counted anew: the totals that quotas are judged by must say the same."""

from collections.abc import Iterator
from typing import Final

from psycopg import Connection

from infra.checkup.finding import Finding, well, wrong
from infra.checkup.ledger import connected, reached
from infra.checkup.place import Place

# One statement sees one moment, whatever arrives meanwhile.
_DIFFERENT: Final = """
    SELECT organization_id, coalesce(r.stored, 0)::bigint, coalesce(b.stored, 0)::bigint,
           coalesce(r.promised, 0)::bigint, coalesce(b.promised, 0)::bigint
    FROM content.room r FULL JOIN (
        SELECT organization_id, sum(size) FILTER (WHERE arrived) AS stored,
               sum(size) FILTER (WHERE promised_until IS NOT NULL) AS promised
        FROM content.blobs GROUP BY organization_id
    ) b USING (organization_id)
    WHERE coalesce(r.stored, 0) <> coalesce(b.stored, 0) OR coalesce(r.promised, 0) <> coalesce(b.promised, 0)
    ORDER BY organization_id
"""


def totals(place: Place) -> Iterator[Finding]:
    if not reached(place):
        return
    with connected(place) as connection:
        yield from recounted(connection)


def recounted(connection: Connection) -> Iterator[Finding]:
    different = connection.execute(_DIFFERENT).fetchall()
    for organization_id, *(stored, found, promised, expected) in different:
        says = (
            f"organization {organization_id} is said to store {stored:,} bytes and to wait for {promised:,}; "
            f"counted one by one they are {found:,} and {expected:,}"
        )
        yield wrong("storage", says, "report this: nothing is lost, but its quota is judged by a wrong figure")
    if not different:
        yield well("storage", "what is said to be stored is what is there, counted one by one")
