"""Pages of rows by keyset: a cursor is the position of the last row's first event, so pages never shift."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table

from domain.values import Value

R = TypeVar("R", bound=Value)
LARGEST_PAGE = 1_000


@dataclass(frozen=True)
class Page(Generic[R]):
    """`next` is what to hand in as `after`; None where this is the last page."""

    items: list[R]
    next: int | None


def first(tx: Connection, query: Select[Any], kind: type[R]) -> R | None:
    row = tx.execute(query).mappings().first()
    return kind.model_validate(dict(row)) if row else None


def every(tx: Connection, query: Select[Any], kind: type[R]) -> list[R]:
    return [kind.model_validate(dict(row)) for row in tx.execute(query).mappings()]


def newest(
    tx: Connection, query: Select[Any], by: ColumnElement[int], kind: type[R], after: int | None, limit: int
) -> Page[R]:
    """The newest first. `by` is a column of the query, unique among its rows."""
    limit = max(1, min(limit, LARGEST_PAGE))
    if after is not None:
        query = query.where(by < after)
    rows = tx.execute(query.order_by(by.desc()).limit(limit + 1)).mappings().all()
    items = [kind.model_validate(dict(row)) for row in rows[:limit]]
    return Page(items, rows[limit - 1][by.key or ""] if len(rows) > limit else None)


def lies(table: Table, deleted: bool) -> ColumnElement[bool]:
    """In the trash, or not there; in either case not purged."""
    here = table.c.purge_at
    return (here.is_not(None) if deleted else here.is_(None)) & table.c.purged_at.is_(None)
