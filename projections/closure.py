"""Which organizations are closed, and until when: beside the tables of membership."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, DateTime, Table, Uuid, select

from domain.closure import Closure
from domain.model import Recorded
from domain.values import Value
from projections import topics
from projections.folding import changed
from projections.model import Key, Row, View, metadata

closures: Final = Table(
    "closures",
    metadata,
    Column("organization_id", Uuid, primary_key=True),
    Column("closed_at", DateTime(timezone=True)),
    Column("purge_at", DateTime(timezone=True)),
    Column("purged_at", DateTime(timezone=True)),
    # Where it was closed last, also once it is open again: what went on then has ended, or is still to be.
    Column("last_closed", BigInteger, nullable=False),
    Column("last_closed_at", DateTime(timezone=True)),
    Column("position", BigInteger, nullable=False),
)


class Closed(Value):
    """Null while an organization is open; from `purge_at` on it ends, and `purged_at` is when it did."""

    closed_at: datetime | None = None
    purge_at: datetime | None = None
    purged_at: datetime | None = None


def _keys(recorded: Recorded) -> Iterable[Key]:
    match recorded.event:
        case (
            Closure.Begun(organization_id=id)
            | Closure.OrganizationClosed(organization_id=id)
            | Closure.OrganizationReopened(organization_id=id)
            | Closure.OrganizationPurged(organization_id=id)
        ):
            yield (id,)


def _fold(row: Row | None, recorded: Recorded, key: Key) -> Row | None:
    at = recorded.envelope.decided_at
    match recorded.event:
        case Closure.OrganizationClosed(purge_at=purge_at):
            last = {"last_closed": recorded.position, "last_closed_at": at}
            return changed(row, closed_at=at, purge_at=purge_at, **last)
        case Closure.OrganizationReopened():
            return changed(row, closed_at=None, purge_at=None)
        case Closure.OrganizationPurged():
            return changed(row, purged_at=at)
    return {"closed_at": None, "purge_at": None, "purged_at": None, "last_closed": 0, "last_closed_at": None}


VIEW: Final = View(closures, _keys, _fold, topics.CLOSURE)


def closed(tx: Connection, organization_id: UUID) -> Closed:
    query = select(closures).where(closures.c.organization_id == organization_id)
    row = tx.execute(query).mappings().first()
    return Closed(**{name: row[name] for name in Closed.model_fields}) if row else Closed()
