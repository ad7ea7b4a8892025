"""Writers and readers who go on while parts of the platform fail, and keep what each was told."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Final
from uuid import uuid4

import httpx

from cli.client import PREFIX
from cli.platform import ACCOUNT

PAUSE: Final = 0.5
WITHIN: Final = 8.0
UNDONE: Final = 410
AGAIN: Final = (401, 429, 502, 503, 504)
HERE: Final = {name: ACCOUNT[name] for name in ("company", "division")}
NOBODY: Final = "00000000-0000-7000-8000-000000000000"


# Whose events name what was wished for; of the others only the command tells which they are.
NAMED: Final = frozenset({"project.created", "project.renamed", "experiment.created", "dataset.created"})
PASSWORD: Final = "a lamp beside the lathe"
ROLES: Final = ("guest", "engineer_i", "engineer_ii")


@dataclass
class Wish:
    """A command under its key, and what became of it: `status` is None while nobody has said."""

    method: str
    path: str
    body: dict[str, Any]
    word: str
    topic: str
    key: str = field(default_factory=lambda: str(uuid4()))
    status: int | None = None
    position: int = 0
    chain: str = ""
    id: str = ""
    lost: int = 0

    @property
    def accepted(self) -> bool:
        return self.status is not None and self.status < 300


class Record:
    """What all of them were told, and whatever should not have been."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.wishes: list[Wish] = []
        self.wrong: list[str] = []
        self.names: dict[str, list[tuple[int, str]]] = {}
        self.read = 0
        self.waited = 0

    def blame(self, what: str) -> None:
        with self.lock:
            self.wrong.append(what)

    def begin(self, wish: Wish) -> None:
        with self.lock:
            self.wishes.append(wish)

    def forget(self, after: int) -> None:
        """The store is as it was at this position: what was told later has not been."""
        with self.lock:
            for wish in self.wishes:
                if wish.accepted and wish.position > after:
                    wish.status = UNDONE
            known = {id: [name for name in names if name[0] <= after] for id, names in self.names.items()}
            self.names = {id: names for id, names in known.items() if names}

    def told(self, wish: Wish) -> None:
        """Of a project that bears a name since a position."""
        if wish.accepted and wish.topic in ("project.created", "project.renamed"):
            with self.lock:
                self.names.setdefault(wish.id, []).append((wish.position, wish.word))

    @property
    def receipts(self) -> list[str]:
        return [f"{wish.position}:{wish.chain}" for wish in self.wishes if wish.accepted]


class Door:
    """The API for one of them: a token that is renewed, and None where no answer came."""

    def __init__(self, url: str, token: str, renew: Callable[[], str]) -> None:
        self._client = httpx.Client(base_url=f"{url}{PREFIX}", trust_env=False, timeout=WITHIN)
        self._token, self._renew = token, renew

    def ask(self, method: str, path: str, headers: dict[str, str], **what: Any) -> httpx.Response | None:
        try:
            told = {"Authorization": f"Bearer {self._token}"} | headers
            answer = self._client.request(method, path, headers=told, **what)
            if answer.status_code == 401:
                self._token = self._renew()
            return answer
        except httpx.TransportError:
            return None

    def close(self) -> None:
        self._client.close()


class Actor(Thread):
    """One who does something again and again, unless they all rest."""

    def __init__(self, name: str, door: Door, record: Record, awake: Event, chance: random.Random) -> None:
        super().__init__(name=name, daemon=True)
        self.door, self.record, self.chance = door, record, chance
        self.resting = Event()
        self._awake, self._over = awake, Event()

    def run(self) -> None:
        while not self._over.is_set():
            if self._awake.is_set():
                self.resting.clear()
                self.act()
            else:
                self.resting.set()
            self._over.wait(self.chance.uniform(0.5, 1.5) * PAUSE)
        self.door.close()

    def act(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        self._over.set()

    @property
    def over(self) -> bool:
        return self._over.is_set()


class Writer(Actor):
    """Commands of several kinds; one without an answer is asked again under its key until somebody says."""

    def __init__(self, *given: Any, shared: str) -> None:
        super().__init__(*given)
        self._shared = shared
        self._own: list[str] = []
        self._people: dict[str, Wish] = {}
        self._count = 0

    def act(self) -> None:
        likely = {
            self._rename: 8,
            self._rename_shared: 3,
            self._experiment: 2,
            self._dataset: 2,
            self._project: 1,
            self._person: 1,
            self._invitation: 2,
            self._role: 2,
            self._refused: 2,
        }
        made = self.chance.choices(list(likely), list(likely.values()))[0]()
        self._see_through(made)
        if self.chance.random() < 0.15:
            self._repeat()

    def _word(self) -> str:
        self._count += 1
        return f"{self.name} {self._count}"

    def _project(self) -> Wish:
        word = self._word()
        return Wish("POST", "/projects", {"name": word}, word, "project.created")

    def _rename(self) -> Wish:
        return self._renamed(self._own[-1]) if self._own else self._project()

    def _rename_shared(self) -> Wish:
        return self._renamed(self._shared)

    def _renamed(self, project: str) -> Wish:
        word = self._word()
        return Wish("PATCH", f"/projects/{project}", {"name": word}, word, "project.renamed", id=project)

    def _experiment(self) -> Wish:
        word = self._word()
        return Wish("POST", "/experiments", {"project_id": self._shared, "name": word}, word, "experiment.created")

    def _dataset(self) -> Wish:
        word = self._word()
        return Wish("POST", "/datasets", {"name": word}, word, "dataset.created")

    def _person(self) -> Wish:
        """Who registers is written to."""
        word = self._word()
        who = {"email": address(word), "full_name": word, "password": PASSWORD}
        return Wish("POST", "/auth/register", who | HERE, word, "person.registered")

    def _invitation(self) -> Wish:
        """Into the project that all share: a letter for each."""
        word = self._word()
        asked = {"type": "project", "target_id": self._shared, "email": f"guest.{address(word)}", "message": word}
        return Wish("POST", "/invitations", asked, word, "invitation.sent")

    def _role(self) -> Wish:
        self._people = {id: last for id, last in self._people.items() if last.status != UNDONE}
        if not self._people:
            return self._person()
        person, last = self.chance.choice(list(self._people.items()))
        other = self.chance.choice([role for role in ROLES if role != last.body.get("role", "guest")])
        path = f"/admin/users/{person}/role"
        return Wish("PATCH", path, {"role": other}, self._word(), "membership.role_changed", id=person)

    def _refused(self) -> Wish:
        word = self._word()
        return self.chance.choice(
            [
                Wish("PATCH", f"/projects/{NOBODY}", {"name": word}, word, "project.renamed"),
                Wish("POST", "/experiments", {"project_id": NOBODY, "name": word}, word, "experiment.created"),
                Wish("PATCH", f"/admin/users/{NOBODY}/role", {"role": "guest"}, word, "membership.role_changed"),
                Wish("PATCH", f"/projects/{self._shared}", {"name": word, "id": NOBODY}, word, "project.renamed"),
            ]
        )

    def _see_through(self, wish: Wish) -> None:
        self.record.begin(wish)
        while not self.over:
            answer = self.door.ask(wish.method, wish.path, {"Idempotency-Key": wish.key}, json=wish.body)
            if answer is not None and answer.status_code not in AGAIN:
                return self._note(wish, answer)
            wish.lost += 1
            if answer is not None and answer.status_code == 503 and "Retry-After" not in answer.headers:
                self.record.blame(f"{wish.method} {wish.path}: 503 without Retry-After")
            self._over.wait(PAUSE)

    def _note(self, wish: Wish, answer: httpx.Response) -> None:
        if answer.status_code >= 500:
            self.record.blame(f"{wish.method} {wish.path} was answered {answer.status_code}: {answer.text[:300]}")
        if answer.is_success:
            wish.position, wish.chain, wish.id = *receipt(answer), answer.json()["id"]
        wish.status = answer.status_code
        self.record.told(wish)
        if wish.accepted and wish.topic == "project.created":
            self._own.append(wish.id)
        if wish.accepted and wish.topic == "person.registered":
            self._people[wish.id] = wish
        if wish.topic == "membership.role_changed" and (person := wish.path.split("/")[3]) in self._people:
            if wish.accepted:
                self._people[person] = wish
            else:
                del self._people[person]

    def _repeat(self) -> None:
        """The same key gives the same receipt, and is refused with another body."""
        mine = [wish for wish in self.record.wishes[-200:] if wish.accepted and wish.word.startswith(f"{self.name} ")]
        if not mine:
            return
        wish, other = self.chance.choice(mine), self.chance.random() < 0.3
        body = wish.body | {"name": f"{wish.word} otherwise"} if other else wish.body
        answer = self.door.ask(wish.method, wish.path, {"Idempotency-Key": wish.key}, json=body)
        if answer is None or answer.status_code in AGAIN:
            return
        told = (answer.status_code, *receipt(answer)) if answer.is_success else (answer.status_code,)
        if told != ((422,) if other else (wish.status, wish.position, wish.chain)):
            self.record.blame(f"{wish.word} again ({'another' if other else 'the same'} body): {told}, was {wish}")


class Reader(Actor):
    """Asks for what somebody was just told, no older than that."""

    def act(self) -> None:
        with self.record.lock:
            known = list(self.record.names.items())
        if not known:
            return
        project, names = self.chance.choice(known[-20:])
        position, _ = names[-1]
        answer = self.door.ask("GET", f"/projects/{project}", {"Vistory-Min-Position": self._at(position)})
        if answer is None or answer.status_code in AGAIN:
            self.record.waited += 1
            if answer is not None and answer.status_code == 503 and "Retry-After" not in answer.headers:
                self.record.blame("a query was answered 503 without Retry-After")
            return
        self.record.read += 1
        if not answer.is_success:
            return self.record.blame(f"GET /projects/{project}: {answer.status_code} {answer.text[:200]}")
        self._compare(project, names, position, answer.json()["name"])

    def _compare(self, project: str, names: list[tuple[int, str]], position: int, shown: str) -> None:
        """An older name is wrong; one that we know nothing of yet was given by somebody just now."""
        older = {name for at, name in names if at < position}
        if shown in older:
            self.record.blame(f"project {project} showed {shown!r}, older than position {position}")

    ledger = ""

    def _at(self, position: int) -> str:
        return f"{self.ledger}:{position}"


def receipt(answer: httpx.Response) -> tuple[int, str]:
    return int(answer.headers["Vistory-Position"].rpartition(":")[2]), answer.headers["Vistory-Chain"]


def address(word: str) -> str:
    return f"{word.replace(' ', '.')}@example.org"
