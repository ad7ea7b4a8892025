"""Commands of several kinds, one after the other, by eight at once."""

from collections.abc import Callable
from typing import Any, Final

import httpx

from tests.faults.doors import AGAIN, Door
from tests.faults.post import Post
from tests.faults.wishing import (
    ACCEPTED,
    HERE,
    INVITED,
    NOBODY,
    PASSWORD,
    PROMISED,
    PROOF_ASKED,
    REGISTERED,
    RESET,
    RESET_ASKED,
    ROLE_CHANGED,
    SENT_AGAIN,
    UNDONE,
    Actor,
    Wish,
    address,
    receipt,
)

ROLES: Final = ("guest", "engineer_i", "engineer_ii")
NEW: Final = "guest."
# Tokens are shown once: whoever asks again for what was done is told so.
SHOWN: Final = "tokens-were-shown"
# What all who come in change, and all who begin a project: the organization, and the membership of the one account.
SEATS: Final = "seats"
OWNED: Final = "owned"
# By whoever has a link, or wants one.
UNSIGNED: Final = frozenset({ACCEPTED, RESET, *PROMISED})


class Writer(Actor):
    """Commands of several kinds; one without an answer is asked again under its key until somebody says."""

    def __init__(self, *given: Any, shared: str, post: Post, street: Door) -> None:
        super().__init__(*given)
        self._shared, self._post, self._street = shared, post, street
        self.doors.append(street)
        self._own: list[str] = []
        self._people: dict[str, Wish] = {}
        self._uninvited: list[Wish] = []
        self._invited: list[Wish] = []
        self._forgetful: list[Wish] = []
        self._forgot: list[Wish] = []
        self._count = 0

    def act(self) -> None:
        made = self._chosen()()
        self.see_through(made, self._street if made.topic in UNSIGNED else self.door)
        if self.chance.random() < 0.15:
            self._repeat()

    def _chosen(self) -> Callable[[], Wish]:
        """By chance, or what the round has nothing of yet."""
        there = self.record.kinds_of_this_round()
        needed = {
            "registration": self._person,
            "invitation": self._newcomer_invited,
            "change of role": self._role,
            "invitation sent again": self._send_again,
            "proof asked for again": self._ask_for_proof,
            "password set by a link": self._reset,
            "acceptance by a newcomer": self._newcomer_accepts,
            "acceptance by a member": self._member_accepts,
        }
        lacking = [make for kind, make in needed.items() if not there[kind]]
        if lacking and self.chance.random() < 0.5:
            return self.chance.choice(lacking)
        likely = {
            self._rename: 8,
            self._rename_shared: 3,
            self._experiment: 2,
            self._dataset: 2,
            self._project: 1,
            self._refused: 2,
            self._member_invited: 1,
            **dict.fromkeys(needed.values(), 1),
            # From one network no more than a letter a minute may be asked for.
            self._ask_for_proof: 0,
            self._reset: 0,
        }
        return self.chance.choices(list(likely), list(likely.values()))[0]

    def _word(self) -> str:
        self._count += 1
        return f"{self.name} {self._count}"

    def _project(self) -> Wish:
        word = self._word()
        return Wish("POST", "/projects", {"name": word}, word, "project.created", about=(OWNED,))

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
        return Wish("POST", "/auth/register", who | HERE, word, REGISTERED, about=(SEATS,))

    def _newcomer_invited(self) -> Wish:
        return self._invitation(f"{NEW}{address(self._word())}")

    def _member_invited(self) -> Wish:
        """Each once: whoever has a place is not asked again."""
        members = [wish for wish in self._uninvited if wish.accepted]
        if not members:
            return self._person()
        self._uninvited.remove(members[0])
        return self._invitation(members[0].body["email"])

    def _invitation(self, email: str) -> Wish:
        """Into the project that all share: a letter for each."""
        word = self._word()
        asked = {"type": "project", "target_id": self._shared, "email": email, "message": word}
        return Wish("POST", "/invitations", asked, word, INVITED)

    def _newcomer_accepts(self) -> Wish:
        """As one who registers by it."""
        word, found = self._word(), self._letter(to_newcomer=True)
        return self._acceptance(*found, SEATS, full_name=word) if found else self._newcomer_invited()

    def _member_accepts(self) -> Wish:
        found = self._letter(to_newcomer=False)
        return self._acceptance(*found) if found else self._member_invited()

    def _letter(self, to_newcomer: bool) -> tuple[Wish, str] | None:
        """One that came about an invitation, and the token in it; no other time."""
        for wish in self._invited:
            email = wish.body["email"]
            if wish.accepted and email.startswith(NEW) is to_newcomer and (token := self._post.token_to(email)):
                self._invited.remove(wish)
                return wish, token
        return None

    def _acceptance(self, invited: Wish, token: str, *about: str, **who: str) -> Wish:
        body = {"token": token, "password": PASSWORD} | who
        about = (self._shared, *about)
        return Wish("POST", "/invitations/accept", body, self._word(), ACCEPTED, id=invited.id, about=about)

    def _send_again(self) -> Wish:
        """Once the letter before has come: of an invitation that is over by then, none would be written."""
        for wish in self._invited:
            if wish.accepted and self._post.token_to(email := wish.body["email"]):
                self._post.forget(email)
                return Wish("POST", f"/invitations/{wish.id}/resend", {}, self._word(), SENT_AGAIN, id=wish.id)
        return self._newcomer_invited()

    def _ask_for_proof(self) -> Wish:
        return self._asked_for("/auth/resend-verification", PROOF_ASKED)

    def _reset(self) -> Wish:
        self._forgot = [wish for wish in self._forgot if wish.accepted]
        if not self._forgot:
            return self._forget()
        for wish in self._forgot:
            if token := self._post.reset_of(wish.body["email"]):
                self._forgot.remove(wish)
                body = {"token": token, "password": PASSWORD}
                return Wish("POST", "/auth/reset-password", body, self._word(), RESET, id=wish.id, about=(wish.id,))
        return self.chance.choice((self._rename_shared, self._forget))()

    def _forget(self) -> Wish:
        """Another, in case that the one before came to nothing."""
        return self._asked_for("/auth/forgot-password", RESET_ASKED)

    def _asked_for(self, path: str, topic: str) -> Wish:
        """Each once, of those whom nobody invites: whoever accepts has verified the address."""
        members = [wish for wish in self._forgetful if wish.accepted]
        if not members:
            return self._person()
        self._forgetful.remove(members[0])
        return Wish("POST", path, {"email": members[0].body["email"]}, self._word(), topic, id=members[0].id)

    def _role(self) -> Wish:
        self._people = {id: last for id, last in self._people.items() if last.status != UNDONE}
        if not self._people:
            return self._person()
        person, last = self.chance.choice(list(self._people.items()))
        other = self.chance.choice([role for role in ROLES if role != last.body.get("role", "guest")])
        path = f"/admin/users/{person}/role"
        return Wish("PATCH", path, {"role": other}, self._word(), ROLE_CHANGED, id=person)

    def _refused(self) -> Wish:
        word = self._word()
        return self.chance.choice(
            [
                Wish("PATCH", f"/projects/{NOBODY}", {"name": word}, word, "project.renamed"),
                Wish("POST", "/experiments", {"project_id": NOBODY, "name": word}, word, "experiment.created"),
                Wish("PATCH", f"/admin/users/{NOBODY}/role", {"role": "guest"}, word, ROLE_CHANGED),
                Wish("PATCH", f"/projects/{self._shared}", {"name": word, "id": NOBODY}, word, "project.renamed"),
            ]
        )

    def _note(self, wish: Wish, answer: httpx.Response) -> None:
        super()._note(wish, answer)
        if wish.topic == ACCEPTED and wish.lost and wish.problem == SHOWN:
            wish.status = 200
        if wish.accepted and wish.topic == "project.created":
            self._own.append(wish.id)
        if wish.accepted and wish.topic == REGISTERED:
            self._people[wish.id] = wish
            self.chance.choice((self._uninvited, self._forgetful)).append(wish)
        if wish.accepted and wish.topic == INVITED:
            self._invited.append(wish)
        if wish.accepted and wish.topic == RESET_ASKED:
            self._forgot.append(wish)
        if wish.topic == ROLE_CHANGED and (person := wish.path.split("/")[3]) in self._people:
            if wish.accepted:
                self._people[person] = wish
            else:
                del self._people[person]

    def _repeat(self) -> None:
        """The same key gives the same receipt, and is refused with another body; tokens are shown once."""
        some = [wish for wish in self.record.wishes[-200:] if wish.accepted and wish.topic not in UNSIGNED]
        mine = [wish for wish in some if wish.word.startswith(f"{self.name} ")]
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
