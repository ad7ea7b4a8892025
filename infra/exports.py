"""All that is held about a person, as one JSON file: made in the background, and there for a while."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, Final
from uuid import UUID

from psycopg import sql
from sqlalchemy import Table, select

from domain.second_factor import second_factor_id
from infra import held
from infra.erased import erased
from infra.exported import Exported
from infra.personal_objects import PersonalObjects
from infra.reading import Reading
from infra.tables import tables
from infra.wiring import Core
from projections import PROJECTIONS
from projections.invitation import invitations

NAME: Final = "vistory-export.json"
FRESH: Final = timedelta(minutes=10)
AT_ONCE: Final = 2
PATIENCE: Final = 10.0
_SECRETS: Final = """
    SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'secrets'::regnamespace AND c.relkind = 'r' AND a.attname IN ('person_id', 'subject')
    AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1
"""


@dataclass
class Exports:
    core: Core
    reading: Reading
    objects: PersonalObjects
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "export"))
    _making: dict[UUID, "Future[None]"] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def ask(self, person_id: UUID) -> datetime | None:
        """When the one that is there was made; None while one is being made, which begins with the first question.

        Raises what kept the last one from being made.
        """
        with self._lock:
            making = self._making.get(person_id)
            if making is not None and not making.done():
                return None
            if making is not None:
                del self._making[person_id]
                making.result()
            made = self.objects.made_at(person_id, NAME)
            if made is None or made < datetime.now(UTC) - FRESH:
                self._making[person_id] = self._threads.submit(self._make, person_id)
                return None
            return made

    def address(self, person_id: UUID) -> str:
        return self.objects.address(person_id, NAME)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _make(self, person_id: UUID) -> None:
        """Once more where an invitation that it may tell of ended meanwhile, or somebody was erased; of who was erased
        meanwhile none stays.
        """
        before = None
        while (now := self._may_change(person_id)) != before:
            before = now
            self.reading.wait_until([each.name for each in PROJECTIONS], self.core.store.head().position, PATIENCE)
            self._put(person_id)
        if person_id in now[1]:
            self.objects.forget(person_id)

    def _may_change(self, person_id: UUID) -> tuple[frozenset[UUID], frozenset[UUID]]:
        """While it is made: what it may tell of, and who is forgotten."""
        return held.pending_invitations(self.core, person_id), frozenset(erased(self.core))

    def _put(self, person_id: UUID) -> None:
        with TemporaryFile() as file:
            for piece in _json(person_id, self._parts(person_id)):
                file.write(piece.encode())
            file.seek(0)
            self.objects.put(person_id, NAME, file)

    def _parts(self, person_id: UUID) -> Iterator[tuple[str, Iterable[Any]]]:
        yield "events", self._events(person_id)
        yield "secrets", self._secrets(person_id)
        for part in (held.sessions, held.security_log, held.letters):
            yield part.__name__, part(self.core, person_id)
        yield "invitations_to", self._invitations_to(person_id)
        exported = held.exported(self.core, person_id)
        for table in tables(PROJECTIONS):
            yield table.name, self._rows(exported, table)

    def _events(self, person_id: UUID) -> Iterator[dict[str, Any]]:
        """What happened to the person, its second factor and its memberships.

        What it did elsewhere is in the audit log's entries.
        """
        memberships = (each.id for each in held.memberships(self.core, person_id))
        for id in (person_id, second_factor_id(person_id), *memberships):
            for stored in self.core.store.events_of(id):
                event, envelope = self.core.mapper.decode(stored)
                data = event.model_dump(mode="json", exclude={"originator_topic", "timestamp"})
                yield {"topic": stored.topic, "decided_at": envelope.decided_at.isoformat(), **data}

    def _secrets(self, person_id: UUID) -> Iterator[dict[str, Any]]:
        """That there are some, and how many; they themselves are nobody's to read."""
        with self.core.pool.connection() as connection:
            for table, column in connection.execute(_SECRETS).fetchall():
                query = sql.SQL("SELECT count(*) FROM secrets.{} WHERE {} = %s").format(
                    sql.Identifier(table), sql.Identifier(column)
                )
                (count,) = connection.execute(query, (person_id,)).fetchone() or (0,)
                yield {"kind": table, "count": count}

    def _invitations_to(self, person_id: UUID) -> Iterator[dict[str, Any]]:
        query = select(invitations).where(invitations.c.id.in_(held.invitations_to(self.core, person_id)))
        with self.reading.transaction() as tx:
            yield from (dict(row) for row in tx.execute(query).mappings())

    def _rows(self, exported: Exported, table: Table) -> Iterator[dict[str, Any]]:
        with self.reading.transaction() as tx:
            yield from exported.rows(tx.execution_options(yield_per=1_000), table)


def _json(person_id: UUID, parts: Iterable[tuple[str, Iterable[Any]]]) -> Iterator[str]:
    """In pieces, so that the longest history takes no more memory than a short one."""
    yield f'{{"person_id": "{person_id}", "made_at": "{datetime.now(UTC).isoformat()}"'
    for name, rows in parts:
        yield f', "{name}": ['
        for n, row in enumerate(rows):
            yield (", " if n else "") + json.dumps(row, default=str, ensure_ascii=False)
        yield "]"
    yield "}\n"
