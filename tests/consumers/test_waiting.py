from dataclasses import dataclass, field

import pytest

from consumers.waiting import FORGOTTEN_AFTER, PER_SECOND, REFUSED_FOR, SOONEST, Waiting


@dataclass
class Worker:
    """One to which each job that was put back comes again when its time is over."""

    now: float = 0.0
    waiting: Waiting = field(init=False)

    def __post_init__(self) -> None:
        self.waiting = Waiting(clock=lambda: self.now)

    def looks(self, lines: dict[str, int], seconds: float) -> list[tuple[str, int]]:
        """At which jobs, in the last third of that time."""
        due = {(name, n): 0.0 for name, length in lines.items() for n in range(length)}
        seen = []
        while self.now < seconds:
            job = min(due, key=lambda job: due[job])
            self.now = due[job]
            seen.append((self.now, job))
            due[job] = self.now + self.waiting.put_back(*job)
        return [job for at, job in seen if at > seconds * 2 / 3]


@pytest.mark.parametrize("length", [1, 30, 300])
def test_however_long_a_line_is_its_jobs_are_looked_at_so_often_and_no_oftener(length: int) -> None:
    """The n-th as often as all of those before it together would be looked at once: a sum that hardly grows."""
    seen = Worker().looks({"a": length}, 180.0)
    assert len(seen) / 60 <= min(length / SOONEST, PER_SECOND * 4)


def test_those_in_front_are_looked_at_oftener_than_those_behind() -> None:
    seen = Worker().looks({"a": 200}, 180.0)
    assert seen.count(("a", 0)) >= 15
    assert 1 <= seen.count(("a", 199)) <= 4


def test_a_short_line_beside_a_long_one_does_not_wait_for_it() -> None:
    seen = Worker().looks({"a": 200, "b": 1}, 180.0)
    assert seen.count(("b", 0)) >= 15


def test_one_that_was_taken_by_another_worker_holds_its_place_for_a_while_only() -> None:
    worker = Worker()
    for n in range(60):
        worker.waiting.put_back("a", n)
    assert worker.waiting.put_back("a", 60) == 61 / PER_SECOND
    worker.now = 2 * 61 / PER_SECOND + FORGOTTEN_AFTER + 1
    assert worker.waiting.put_back("a", 60) == SOONEST


def test_an_organization_that_has_its_share_is_asked_for_again_in_a_moment() -> None:
    worker = Worker()
    worker.waiting.refused("a")
    assert worker.waiting.has_its_share("a")
    assert not worker.waiting.has_its_share("b")
    worker.now = REFUSED_FOR
    assert not worker.waiting.has_its_share("a")
