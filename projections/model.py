"""What a read model is made of: tables, and for each which rows an event touches and what they become."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import MetaData, Table

from domain.model import Recorded

Key = tuple[Any, ...]
"""The primary key of a row, in the order of the table's columns."""

Row = Mapping[str, Any]
"""A row by column name."""

metadata = MetaData(schema="read")
"""All read models. The runner sends the same tables to another schema by `schema_translate_map`."""


def about(subject: str) -> dict[str, str]:
    """The `info` of a column that holds something personal: which column names the person that it is about.

    It reads `[erased]` once that person is erased, as it does where the key was gone when its event was read.
    """
    return {"about": subject}


@dataclass(frozen=True)
class View:
    """One table: `keys` names the rows that an event touches, `fold` says what one of them becomes.

    All keys that an event touches belong to its aggregate alone, so that a rebuild may fold aggregates apart.
    Both are pure: no clock, no I/O, nothing but the event and the row. `fold` returns None for no row.
    """

    table: Table
    keys: Callable[[Recorded], Iterable[Key]]
    fold: Callable[[Row | None, Recorded, Key], Row | None]
    topics: frozenset[str] | None = None
    """Those that may touch a row; None for any."""

    def concerns(self, topic: str) -> bool:
        return self.topics is None or topic in self.topics

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.table.primary_key.columns)


@dataclass(frozen=True)
class Projection:
    """One read model: views that move together, with one checkpoint under one name that never changes."""

    name: str
    views: tuple[View, ...]

    @cached_property
    def folds(self) -> frozenset[str] | None:
        """The topics that say something to it; None for any. One that nobody folds is in `topics.FOLDED_BY_NOBODY`."""
        named = [view.topics for view in self.views if view.topics is not None]
        return frozenset().union(*named) if len(named) == len(self.views) else None
