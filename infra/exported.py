"""Which rows of the read models are a person's own, and how much of each the person is told."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select, true

from projections.jobs import jobs
from projections.run import runs
from projections.shown import of_dataset, of_job

# Table → the columns of which one names the person. A table that is in neither holds nothing that is a person's own:
# what somebody did there, a commit say, is in the audit log's entries.
ABOUT_THEM: Final[Mapping[str, tuple[str, ...]]] = {
    "people": ("id",),
    "members": ("person_id",),
    "second_factors": ("person_id",),
    "api_tokens": ("owner_id",),
    "project_members": ("person_id",),
    "project_offers": ("person_id",),
    "dataset_members": ("person_id",),
    "dataset_offers": ("person_id",),
    "audit_entries": ("actor_id", "on_behalf_of", "person_id", "of_person", "entity_id"),
    "audit_entities": ("person_id",),
    "audit_people": ("id",),
    "audit_memberships": ("person_id",),
}
THINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "invitations": ("inviter_id", "person_id"),
    "projects": ("owner_id",),
    "datasets": ("owner_id",),
    "experiments": ("owner_id",),
    "experiment_runs": ("owner_id",),
    "training_jobs": ("owner_id",),
}
"""Of an organization, and told as it tells them: to whoever is no member of it any more, that they are there."""

OWN: Final = {**ABOUT_THEM, **THINGS}
_SHOWN: Final[Mapping[str, Callable[[UUID], ColumnElement[bool]]]] = {
    "experiment_runs": lambda viewer: of_job(runs.c.job_id, viewer),
    "training_jobs": lambda viewer: of_dataset(jobs.c.dataset_id, viewer),
}
_WHOLE: Final = "is_told_whole"


@dataclass(frozen=True)
class Exported:
    """A person, their pending invitations (sent by them, or to them), and the organizations that are open to them."""

    id: UUID
    invitations: frozenset[UUID]
    member_of: frozenset[UUID]
    admin_of: frozenset[UUID]

    def rows(self, tx: Connection, table: Table) -> Iterator[dict[str, Any]]:
        columns = OWN.get(table.name, ())
        if not columns:
            return
        named = or_(*(table.c[name] == self.id for name in columns))
        found = tx.execute(select(table, self._is_told_whole(table).label(_WHOLE)).where(named))
        for row in found.mappings():
            names = row.keys() if row[_WHOLE] else _names(table, columns)
            yield self.told(table, {name: row[name] for name in names})

    def told(self, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
        """Without what is personal to somebody else."""
        theirs = {self.id, *self.invitations}
        subjects = {column.name: row[column.info["about"]] for column in table.columns if "about" in column.info}
        others = {name for name, subject in subjects.items() if subject not in theirs}
        return {name: None if name in others else value for name, value in row.items() if name != _WHOLE}

    def _is_told_whole(self, table: Table) -> ColumnElement[bool]:
        if table.name in ABOUT_THEM:
            return true()
        shown = _SHOWN[table.name](self.id) if table.name in _SHOWN else true()
        at = table.c.organization_id
        return or_(at.in_(self.admin_of), and_(at.in_(self.member_of), shown))


def _names(table: Table, columns: tuple[str, ...]) -> set[str]:
    """What says that a row is there, where it stands, and in what way it is the person's."""
    return {column.name for column in table.primary_key} | {"organization_id", *columns}
