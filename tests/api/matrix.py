"""Who is asked for what, and what the declared rules say to it: role x operation x relation, cell by cell."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

from commands.access import Command, May
from domain.api_token import ApiToken
from domain.dataset import Dataset
from domain.invitation import Invitation
from domain.model import Aggregate
from domain.project import Project
from domain.roles import (
    OF_DATASET_OWNER,
    OF_PROJECT_OWNER,
    DatasetRole,
    Permission,
    Place,
    ProjectRole,
    Reach,
    Role,
    reach,
    rights_of,
)
from domain.training_job import TrainingJob
from tests.api.asked import COMMANDS, CONFLICTS, NAMED_WRONGLY, PLACES, QUERIES, UPLOADS

_READ_DATASET: Final = May(Permission.READ, Dataset, "dataset_id")
OF_ITS_OWNER: Final[dict[type[Aggregate] | None, frozenset[Permission]]] = {
    Project: OF_PROJECT_OWNER,
    Dataset: OF_DATASET_OWNER,
}
DONE: Final = {200, 201, 202}
Standing = Place | Literal["owner"]


class Relation(StrEnum):
    """Whose a thing is, to whoever asks for it."""

    OWN = "own"
    PLACE = "a place in it, or in the project that it is in"
    ORGANIZATION = "of the organization"
    FOREIGN = "of another organization"


class Asking(NamedTuple):
    rule: May
    method: str
    path: str
    body: dict[str, Any]

    @property
    def is_query(self) -> bool:
        return self in QUESTIONS

    @property
    def names_a_thing(self) -> bool:
        return "{" in self.path or any("_id}" in word for word in self.body.values() if isinstance(word, str))


class Cell(NamedTuple):
    """`place` is a role in a project or in a dataset, or that one owns the project."""

    asking: Asking
    relation: Relation
    place: Standing | None
    role: Role

    def __str__(self) -> str:
        return f"{self.role}, {self.place or self.relation}: {self.asking.method} {self.asking.path}"


def rule_of(command: type[Command]) -> May:
    assert isinstance(command.ACCESS, May), "members alone are asked here"
    return command.ACCESS


WISHES: Final = [*(Asking(rule_of(row[0]), *row[1:]) for row in COMMANDS), *(Asking(*row) for row in UPLOADS)]
ABOUT_ONESELF: Final = [Asking(rule_of(command), method, path, {}) for command, method, path in PLACES]
QUESTIONS: Final = [
    Asking(_READ_DATASET if path.startswith("/datasets/{dataset_id}") else May(permission), "GET", path, {})
    for permission, path in QUERIES
]
ASKED: Final = [*WISHES, *ABOUT_ONESELF, *QUESTIONS]
# In a project, what is in it is reached by a place there, and by owning the project.
PLACES_IN: Final[dict[type[Aggregate] | None, list[Standing]]] = {
    Project: [*ProjectRole],
    Dataset: [*DatasetRole],
    TrainingJob: [*ProjectRole, "owner"],
    Invitation: [*ProjectRole, "owner"],
}
OWNED: Final = {*PLACES_IN, ApiToken}


def cells() -> Iterator[Cell]:
    for asking in ASKED:
        for relation, place in standings(asking):
            for role in Role:
                yield Cell(asking, relation, place, role)


def standings(asking: Asking) -> Iterator[tuple[Relation, Standing | None]]:
    yield Relation.ORGANIZATION, None
    if asking.rule.on in OWNED:
        yield Relation.OWN, None
    for place in PLACES_IN.get(asking.rule.on, ()):
        yield Relation.PLACE, place
    if asking.names_a_thing:
        yield Relation.FOREIGN, None


def lets(cell: Cell) -> bool:
    """Behind the wall, whether the tables of rights in `domain/roles.py` let this role do it there."""
    rule, far = cell.asking.rule, reach(cell.role, cell.asking.rule.permission)
    if far is Reach.ANY:
        return True
    match cell.relation, cell.place:
        case Relation.OWN, _:
            return far is Reach.OWN or rule.permission in OF_ITS_OWNER.get(rule.on, ())
        case Relation.PLACE, "owner":
            return rule.permission in OF_PROJECT_OWNER
        case Relation.PLACE, (ProjectRole() | DatasetRole()) as place:
            return rule.permission in rights_of(place)
    return far is Reach.OWN and rule.on is None


def due(cell: Cell) -> set[int]:
    """What may be answered. What owners and members ask for may be done already, by the one who was asked before."""
    if cell.relation is Relation.FOREIGN:
        return {404 if lets_ask(cell) else 403}
    if not lets(cell):
        return {403}
    if cell.asking in ABOUT_ONESELF or cell.asking.path in NAMED_WRONGLY:
        return {409}
    return DONE if cell.relation is Relation.ORGANIZATION or not conflicts(cell.asking) else DONE | {409}


def conflicts(asking: Asking) -> set[str]:
    """The types of the problems that are no refusal of the right."""
    return CONFLICTS.get((asking.method, asking.path), set())


def lets_ask(cell: Cell) -> bool:
    """A command looks for its thing first; a query asks first whether its kind may be read at all."""
    return not cell.asking.is_query or reach(cell.role, cell.asking.rule.permission) is not None
