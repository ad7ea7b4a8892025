"""How `make faults` goes on: what its log lacks is played, no more and no less. Houses and rounds are doubles here."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults import __main__ as faults
from tests.faults import breaking, elsewhere, inflicting
from tests.faults.inflicting import Fault
from tests.faults.judgement import Judgement

EVERY = inflicting.table() | breaking.table() | elsewhere.table()
ALL = len(EVERY)
Played = tuple[int, str]


class Houses:
    """Where rounds are played: `restless` names a fault after which a house is of no use, `lacks` what none has."""

    def __init__(self) -> None:
        self.played: list[Played] = []
        self.entered = 0
        self.restless = ""
        self.lacks = ""
        self.cut_after = 2 * ALL

    @contextmanager
    def peopled(self, chance: random.Random, epochs: int, needs: frozenset[str]) -> Iterator["Houses"]:
        if self.lacks in needs:
            raise FileNotFoundError("there is none")
        self.entered += 1
        yield self

    def play(self, town: "Houses", some: list[Fault], seed: int, share: float) -> Judgement:
        if len(self.played) == self.cut_after:
            raise KeyboardInterrupt
        (fault,) = some
        self.played.append((seed, fault.name))
        is_restless = fault.name == self.restless
        found = ["waited in vain: jobs came to rest"] if is_restless else []
        return Judgement(fault.name, seed, rested=not is_restless, found=found)


@pytest.fixture
def houses(monkeypatch: pytest.MonkeyPatch) -> Houses:
    made = Houses()
    monkeypatch.setattr(faults, "peopled", made.peopled)
    monkeypatch.setattr(faults, "play", made.play)
    return made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def run(log: Path, *words: str, rounds: int = ALL) -> int:
    return faults.main(["--log", str(log), "--rounds", str(rounds), *words])


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_every_fault_is_played_once_before_any_comes_again(houses: Houses, log: Path) -> None:
    assert run(log, "--seed", "7") == 0
    assert sorted(name for _, name in houses.played) == sorted(EVERY)


def test_whoever_was_cut_off_plays_exactly_what_is_missing_by_the_same_chance(houses: Houses, log: Path) -> None:
    run(log.with_name("whole"), "--seed", "7", rounds=ALL + 5)
    whole, houses.played, houses.cut_after = houses.played, [], ALL - 10
    with pytest.raises(KeyboardInterrupt):
        run(log, "--seed", "7", rounds=ALL + 5)
    houses.cut_after = 2 * ALL
    assert run(log, rounds=ALL + 5) == 0
    assert sorted(houses.played) == sorted(whole)
    assert run(log, rounds=ALL + 5) == 0
    assert len(houses.played) == len(whole)


def test_a_line_tells_which_round_it_was(houses: Houses, log: Path) -> None:
    run(log, "--seed", "7", "--only", "stop relay,stop projector", rounds=3)
    told = [(line["seed"], line["number"], line["fault"]) for line in lines(log)]
    assert told == [(7, 1, "stop relay"), (7, 2, "stop projector"), (7, 3, "stop relay")]


def test_rounds_of_another_seed_are_others(houses: Houses, log: Path) -> None:
    run(log, "--seed", "7", "--only", "stop relay", rounds=1)
    run(log, "--seed", "8", "--only", "stop relay", rounds=1)
    assert houses.played == [(7_001, "stop relay"), (8_001, "stop relay")]


def test_a_house_that_does_not_come_to_rest_hides_no_other_round(houses: Houses, log: Path) -> None:
    houses.restless = "stop relay"
    assert run(log, "--only", "stop", rounds=5) == 1
    assert (len(houses.played), houses.entered) == (5, 2)


def test_what_cannot_be_played_here_is_told_and_stays_missing(
    houses: Houses, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    houses.lacks = "clocks"
    assert run(log, "--seed", "7") == 1
    assert len(houses.played) == ALL - 2
    told = capsys.readouterr().out
    assert "a house with clocks fell: FileNotFoundError: there is none" in told
    assert "2 rounds could not be played" in told
    houses.lacks = ""
    assert run(log) == 0
    assert sorted(name for _, name in houses.played[-2:]) == ["clock set back", "clock set forward"]
