"""Everybody who uses the house while it is harmed: who writes, reads, closes, brings images, and trainings."""

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final

from cli.digits import write_digits
from cli.push import folder_of, push
from tests.faults.checking import Ledger
from tests.faults.clock import clocks
from tests.faults.closing import Closer
from tests.faults.doors import NO_TOKEN, Door
from tests.faults.following import Trainings
from tests.faults.house import House, disks, housed
from tests.faults.points import Spools
from tests.faults.post import Post
from tests.faults.uploading import Uploader
from tests.faults.wishing import Actor, Reader, Record
from tests.faults.writing import Writer
from tests.servers import data_folder
from tests.whole import waited

WRITERS: Final = 8
READERS: Final = 4


class Town:
    """The house, and everybody who uses it."""

    def __init__(self, house: House, images: Path, chance: random.Random, epochs: int) -> None:
        self.house, self.chance = house, chance
        self.record = Record()
        # How often that had been when the round began.
        self.letters_cut_off = 0
        self.awake = Event()
        self.api = house.sign_in()
        project = self.api.post("/projects", name="Digits")["id"]
        dataset = self.api.post("/datasets", name="digits")["id"]
        push(self.api, dataset, folder_of(images))
        self.trainings = Trainings(self.api, project, dataset, chance, epochs)
        self.shared = self.api.post("/projects", name="Everybody's")["id"]
        self.api.patch("/organization", admission="open", max_users=1_000_000)
        assert self.api.receipt
        ledger, place, _ = self.api.receipt.split(":")
        self.begun = self.judged = int(place)
        self.post = Post(house.servers.folder / "mail")
        self.spools = Spools(house.attempts, house.data / "spools")
        self.spools.start()
        writers = map(self._writer, range(WRITERS))
        readers = (Reader(f"r{number}", *self._given(), ledger=ledger) for number in range(READERS))
        closer = Closer("closer", *self._given(), url=self.api.url, post=self.post)
        self.actors: list[Actor] = [*writers, *readers, closer, Uploader("uploader", *self._given())]
        for actor in self.actors:
            actor.start()

    def _writer(self, number: int) -> Writer:
        street = Door(self.api.url, NO_TOKEN, None, self.record.judge)
        return Writer(f"w{number}", *self._given(), shared=self.shared, post=self.post, street=street)

    def _given(self) -> tuple[Door, Record, Event, random.Random]:
        door = Door(self.api.url, self.api.token or NO_TOKEN, self._token, self.record.judge)
        return door, self.record, self.awake, random.Random(self.chance.random())

    def _token(self) -> str:
        with suppress(Exception), self.house.sign_in() as api:
            return api.token or NO_TOKEN
        return NO_TOKEN

    def rest(self) -> bool:
        """Everybody has the answer to the last wish, and makes no other."""
        self.awake.clear()
        return all(actor.resting.is_set() for actor in self.actors)

    def pause(self) -> None:
        waited(self.rest, 60, "an answer to every wish")

    def go_on(self) -> None:
        self.awake.set()

    def forget(self, after: int) -> None:
        self.judged = min(self.judged, after)
        events = Ledger(self.house.ledger_url).events
        self.record.forget(after, {(event.topic, event.originator) for event in events})

    def expect_ahead(self, seconds: float) -> None:
        self.record.judge.ahead = max(self.record.judge.ahead, seconds)

    def train(self, epochs: int | None = None) -> str:
        return self.trainings.request(epochs).job

    def watch(self, attempts: Path) -> None:
        self.spools.watch(attempts)

    def job(self) -> str:
        return self.trainings.followed[-1].job

    def end(self) -> None:
        for actor in self.actors:
            actor.end()
        self.trainings.end()
        self.spools.end()
        for actor in self.actors:
            actor.join(20)
        self.api.close()


@contextmanager
def peopled(chance: random.Random, epochs: int, needs: frozenset[str] = frozenset()) -> Iterator[Town]:
    """`needs` may name small disks that can be filled, clocks that can be set, a bus that is a cluster of three."""
    with (
        data_folder() as folder,
        disks(folder, "disks" in needs),
        clocks(folder, "clocks" in needs) as clock,
        housed(folder, "cluster" in needs) as house,
    ):
        house.clock = clock
        town = Town(house, write_digits(folder / "digits", most=60), chance, epochs)
        try:
            yield town
        finally:
            town.end()
