"""Who wishes and asks while parts of the platform fail, what each was told, and what is wrong with that at once."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Final
from uuid import uuid4

import httpx

from cli.platform import ACCOUNT
from tests.faults.doors import AGAIN, Door, Judge, problem

PAUSE: Final = 0.5
UNDONE: Final = 410
HERE: Final = {name: ACCOUNT[name] for name in ("company", "division")}
NOBODY: Final = "00000000-0000-7000-8000-000000000000"
PASSWORD: Final = "a lamp beside the lathe"
UUIDS: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REGISTERED: Final = "person.registered"
INVITED: Final = "invitation.sent"
SENT_AGAIN: Final = "invitation.resent"
ACCEPTED: Final = "invitation.accepted"
PROOF_ASKED: Final = "person.verification_requested"
RESET_ASKED: Final = "person.password_reset_requested"
RESET: Final = "person.password_changed"
ROLE_CHANGED: Final = "membership.role_changed"
CLOSED: Final = "closure.organization_closed"
REOPENED: Final = "closure.organization_reopened"
BROUGHT: Final = "dataset.revision_committed"
# Its answer to a commit whose files it still looks at: whoever asks again under the same key is told more.
NOT_YET: Final = 202
# Whose events name what was wished for; of the others only the command tells which they are.
NAMED: Final = frozenset({"project.created", "project.renamed", "experiment.created", "dataset.created"})
# Whose answer says nothing of what becomes of them: each is asked once, and may come to nothing.
PROMISED: Final = frozenset({PROOF_ASKED, RESET_ASKED})


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
    problem: str = ""
    # What it changes beside the things that its address and body name.
    about: tuple[str, ...] = ()
    # The hashes of the bytes that it brings; nobody else brings the same.
    brings: tuple[str, ...] = ()
    begun: float = 0.0
    ended: float = 0.0

    @property
    def accepted(self) -> bool:
        return self.status is not None and self.status < 300

    @property
    def things(self) -> frozenset[str]:
        return frozenset((*UUIDS.findall(f"{self.path}{self.body}"), *self.about))

    def meets(self, other: "Wish") -> bool:
        """Whether both were under way in some moment, and change the same thing."""
        at_once = self.begun < other.ended and other.begun < self.ended
        return other is not self and at_once and not self.things.isdisjoint(other.things)


class Record:
    """What all of them were told, and whatever should not have been."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.wishes: list[Wish] = []
        self.judge = Judge()
        self.names: dict[str, list[tuple[int, str]]] = {}
        # How many there were when the round began.
        self.before = 0
        self.read = 0
        self.waited = 0
        self.shut_out = 0

    def blame(self, what: str) -> None:
        self.judge.blame(what)

    def blamed(self) -> list[str]:
        """What was wrong since this was asked last."""
        return self.judge.blamed()

    def begin(self, wish: Wish) -> None:
        with self.lock:
            self.wishes.append(wish)

    def forget(self, after: int, there: Collection[tuple[str, str]]) -> None:
        """The store is as it was at this position, with these topics of whom: what was told later has not been."""
        self.judge.rewound_at = time.monotonic()
        with self.lock:
            for wish in self.wishes:
                is_gone = wish.position > after
                # A promise has no receipt, and that of an acceptance is of the session behind it.
                if wish.topic == ACCEPTED or wish.topic in PROMISED:
                    is_gone = (wish.topic, wish.id) not in there
                if wish.accepted and is_gone:
                    wish.status = UNDONE
                if wish.position > after:
                    wish.chain = ""
            known = {id: [name for name in names if name[0] <= after] for id, names in self.names.items()}
            self.names = {id: names for id, names in known.items() if names}

    def told(self, wish: Wish) -> None:
        """Of a project that bears a name since a position."""
        if wish.accepted and wish.topic in ("project.created", "project.renamed"):
            with self.lock:
                self.names.setdefault(wish.id, []).append((wish.position, wish.word))

    def kinds_of_this_round(self) -> Counter[str]:
        """How many of each kind that there must be were accepted."""
        accepted = [wish for wish in self.wishes[self.before :] if wish.accepted]
        return Counter(kind for wish in accepted for kind, is_one in KINDS.items() if is_one(wish))


KINDS: Final[Mapping[str, Callable[[Wish], bool]]] = {
    "registration": lambda wish: wish.topic == REGISTERED,
    "invitation": lambda wish: wish.topic == INVITED,
    "invitation sent again": lambda wish: wish.topic == SENT_AGAIN,
    "proof asked for again": lambda wish: wish.topic == PROOF_ASKED,
    "password set by a link": lambda wish: wish.topic == RESET,
    "acceptance by a newcomer": lambda wish: wish.topic == ACCEPTED and "full_name" in wish.body,
    "acceptance by a member": lambda wish: wish.topic == ACCEPTED and "full_name" not in wish.body,
    "change of role": lambda wish: wish.topic == ROLE_CHANGED,
    "revision of images": lambda wish: wish.topic == BROUGHT,
    "closing": lambda wish: wish.topic == CLOSED,
    "reopening": lambda wish: wish.topic == REOPENED,
}


class Actor(Thread):
    """One who does something again and again, unless they all rest."""

    def __init__(self, name: str, door: Door, record: Record, awake: Event, chance: random.Random) -> None:
        super().__init__(name=name, daemon=True)
        self.door, self.record, self.chance = door, record, chance
        self.doors = [door]
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
        for door in self.doors:
            door.close()

    def act(self) -> None:
        raise NotImplementedError

    def see_through(self, wish: Wish, door: Door | None = None) -> Wish:
        """Asked again under its key until somebody says what became of it, unless nobody would."""
        wish.begun = time.monotonic()
        self.record.begin(wish)
        while not self.over:
            answer = (door or self.door).ask(wish.method, wish.path, {"Idempotency-Key": wish.key}, json=wish.body)
            if answer is not None and says(wish, answer):
                self._note(wish, answer)
                break
            wish.lost += answer is None or answer.status_code in AGAIN
            if wish.topic in PROMISED:
                break
            self._over.wait(PAUSE)
        return wish

    def _note(self, wish: Wish, answer: httpx.Response) -> None:
        wish.ended = time.monotonic()
        if answer.status_code >= 500:
            self.record.blame(f"{wish.method} {wish.path} was answered {answer.status_code}: {answer.text[:300]}")
        if answer.is_success and wish.topic not in PROMISED:
            wish.position, wish.chain = receipt(answer)
            wish.id = wish.id or answer.json()["id"]
        elif not answer.is_success:
            wish.problem = problem(answer)
        wish.status = answer.status_code
        self.record.told(wish)

    def end(self) -> None:
        self._over.set()

    @property
    def over(self) -> bool:
        return self._over.is_set()


class Reader(Actor):
    """Asks for what somebody was just told, no older than that."""

    def __init__(self, *given: Any, ledger: str) -> None:
        super().__init__(*given)
        self._ledger = ledger

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

    def _at(self, position: int) -> str:
        return f"{self._ledger}:{position}"


def says(wish: Wish, answer: httpx.Response) -> bool:
    """What became of the wish."""
    is_under_way = wish.topic == BROUGHT and answer.status_code == NOT_YET
    return answer.status_code not in AGAIN and not is_under_way


def receipt(answer: httpx.Response) -> tuple[int, str]:
    return int(answer.headers["Vistory-Position"].rpartition(":")[2]), answer.headers["Vistory-Chain"]


def address(word: str) -> str:
    return f"{word.replace(' ', '.')}@example.org"
