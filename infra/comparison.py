"""Whether the live read models are what the ledger says: made anew beside them, and compared row by row."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, text

from infra.reading import consumer
from infra.rebuild import advance, beside, build, chosen
from infra.rows import SCHEMA
from infra.wiring import Core
from projections.model import Projection

CHECK: Final = "read_check"
SHOWN: Final = 100


@dataclass(frozen=True)
class Difference:
    """A row that is only on one side, or other there; None where a side has none of this key."""

    table: str
    key: tuple[Any, ...]
    live: dict[str, Any] | None
    rebuilt: dict[str, Any] | None

    def columns(self) -> set[str]:
        """In which columns the two differ."""
        if self.live is None or self.rebuilt is None:
            return set(self.live or self.rebuilt or ())
        return {name for name, value in self.live.items() if value != self.rebuilt[name]}


@dataclass(frozen=True)
class Compared:
    """How far each live read model was, how many rows it has, and where it differs (at most 100 rows a table)."""

    positions: dict[str, int]
    rows: dict[str, int]
    differences: tuple[Difference, ...]


def compare_rebuild(core: Core, names: Collection[str] = ()) -> Compared:
    """Nothing waits for it: one snapshot of the database shows rows and checkpoint as they belong together."""
    wanted = chosen(names)
    with beside(core, CHECK) as (plain, draft):
        with plain.connect() as connection:
            base = min(_positions(connection, wanted).values())
        build(core, draft, CHECK, wanted, base)
        with draft.connect().execution_options(isolation_level="REPEATABLE READ") as tx, tx.begin():
            positions = _positions(tx, wanted)
            differences: list[Difference] = []
            for projection in wanted:
                advance(core, tx, [projection], base, positions[projection.name])
                for view in projection.views:
                    differences += _differences(tx, view.table)
            return Compared(positions, _counted(tx, wanted), tuple(differences))


def _positions(tx: Connection, wanted: Collection[Projection]) -> dict[str, int]:
    rows = tx.execute(text("SELECT consumer, position FROM work.positions")).all()
    found = {name: position for name, position in rows}
    return {each.name: found.get(consumer(each.name), 0) for each in wanted}


def _counted(tx: Connection, wanted: Collection[Projection]) -> dict[str, int]:
    names = [view.table.name for projection in wanted for view in projection.views]
    return {name: tx.execute(text(f"SELECT count(*) FROM {SCHEMA}.{name}")).scalar_one() for name in names}


def _differences(tx: Connection, table: Table) -> list[Difference]:
    live, rebuilt = (_only(tx, table, *pair) for pair in ((SCHEMA, CHECK), (CHECK, SCHEMA)))
    keys = sorted({**live, **rebuilt}, key=str)[:SHOWN]
    return [Difference(table.name, key, live.get(key), rebuilt.get(key)) for key in keys]


def _only(tx: Connection, table: Table, here: str, there: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    query = f"SELECT {names} FROM {here}.{table.name} EXCEPT ALL SELECT {names} FROM {there}.{table.name}"
    rows = [dict(row) for row in tx.execute(text(query)).mappings()]
    return {tuple(row[column.name] for column in table.primary_key.columns): row for row in rows}
