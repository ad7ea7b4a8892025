"""What each of those has who ask the API whether they may: made once, and asked for by every role."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from httpx2 import Response
from uuid_utils.compat import uuid7

from domain.roles import DatasetRole, ProjectRole, Role
from infra.names import PROBLEM
from tests.api.folders import push, scenes, send
from tests.api.matrix import Cell, Relation, Standing, conflicts, due, lets
from tests.api.visitor import Visitor

ANYTHING_NEW: Final[dict[str, Callable[[], str]]] = {
    "tag": lambda: f"t{uuid7().hex}",
    "address": lambda: f"{uuid7().hex}@example.org",
}


class Things(dict[str, str]):
    """What an address names; what a command uses up is made anew each time that it is asked for.

    `kept` is for whoever is refused: what was made for one is good for the next.
    """

    def __init__(self, lasting: Mapping[str, str], fresh: dict[str, Callable[[], str]] = ANYTHING_NEW) -> None:
        super().__init__(lasting)
        self.fresh = fresh
        self.kept = Kept(self)

    def __missing__(self, name: str) -> str:
        return self.fresh[name]()


class Kept(dict[str, str]):
    def __init__(self, things: Things) -> None:
        super().__init__()
        self.things = things

    def __missing__(self, name: str) -> str:
        self[name] = self.things[name]
        return self[name]


def made(owner: Visitor, kind: str, **more: str) -> str:
    return str(owner.post(f"/{kind}", {"name": "another"} | more)["id"])


def holdings(owner: Visitor, *placed: tuple[Visitor, ProjectRole, DatasetRole]) -> Things:
    """A project and a private dataset with people in them, and one more of each for what would be in others' way."""
    project, spare = (made(owner, "projects") for _ in range(2))
    dataset, other = (made(owner, "datasets", visibility="private") for _ in range(2))
    for person, in_project, in_dataset in placed:
        owner.post(f"/projects/{project}/members", {"person_id": person.id, "role": in_project})
        owner.post(f"/datasets/{dataset}/members", {"person_id": person.id, "role": in_dataset})
        owner.post(f"/projects/{spare}/members", {"person_id": person.id, "role": in_project})
        owner.post(f"/datasets/{other}/members", {"person_id": person.id, "role": in_dataset})
    push(owner, dataset, scenes())
    return Things(
        {
            "project_id": project,
            "dataset_id": dataset,
            "upload_id": send(owner, dataset, scenes()).rpartition("/")[2],
            **{f"{state}_project_id": spare for state in ("new", "offered", "trashed")},
            **{f"{state}_dataset_id": other for state in ("new", "offered", "trashed")},
            **dict.fromkeys(("person_id", "placed_id", "reading_id"), placed[0][0].id),
        }
        | begun(owner, project, dataset),
        ANYTHING_NEW | {"new_upload_id": lambda: str(owner.post(f"/datasets/{dataset}/uploads")["id"])},
    )


def begun(person: Visitor, project: str, dataset: str) -> dict[str, str]:
    """What somebody asked for in a project, which may be another one's, and an invitation that it sent into it."""
    wish = {"project_id": project, "dataset_id": dataset, "framework": "timm", "model": "small"}
    job = person.post("/training-jobs", wish)["id"]
    letter = {"type": "project", "target_id": project, "role": "viewer", "email": ANYTHING_NEW["address"]()}
    return {"job_id": job, "new_job_id": job, "invitation_id": person.post("/invitations", letter)["id"]}


@dataclass(frozen=True)
class Company:
    """Everybody who asks, and what is there for them, beside `things`, which are the admin's.

    `owned` are a person's own; `beside` is what others began in a project of that person; `placed` is where `people`
    have a place; `strangers` are of another organization.
    """

    admin: Visitor
    people: Mapping[Role, Visitor]
    owners: Mapping[Role, Visitor]
    strangers: Mapping[Role, Visitor]
    things: Things
    owned: Mapping[Role, Things]
    beside: Mapping[Role, Things]
    placed: Mapping[Standing, Things]

    def asking(self, cell: Cell) -> Callable[[], Response]:
        """The request, with whatever it needs in place."""
        who, named = self._standing(cell)
        asking = cell.asking
        body = {k: v.format_map(named) if isinstance(v, str) else v for k, v in asking.body.items()}
        path, seen = asking.path.format_map(named), self.admin.seen
        if asking.is_query:
            return lambda: who("GET", path, Vistory_Min_Position=seen)
        return lambda: who(asking.method, path, body)

    def _standing(self, cell: Cell) -> tuple[Visitor, Mapping[str, str]]:
        match cell.relation, cell.place:
            case Relation.OWN, _:
                return self.owners[cell.role], self.owned[cell.role]
            case Relation.PLACE, "owner":
                return self.owners[cell.role], self.beside[cell.role]
            case Relation.PLACE, (ProjectRole() | DatasetRole()) as place:
                return self.people[cell.role], self.placed[place]
            case Relation.FOREIGN, _:
                return self.strangers[cell.role], self.things.kept
        who = self.people[cell.role]
        return who, Things(self.things | {"own_id": who.id}, self.things.fresh) if lets(cell) else self.things.kept


def wrong(cell: Cell, answer: Response) -> str | None:
    expected = f"{due(cell)} {conflicts(cell.asking) or ''}"
    if answer.status_code in due(cell) and (answer.status_code != 409 or problem(answer) in conflicts(cell.asking)):
        return None
    return f"{cell}: {answer.status_code} and not {expected}: {answer.text}"


def problem(answer: Response) -> str:
    return str(answer.json()["type"]).removeprefix(PROBLEM)
