"""`make faults`: rounds of faults against the whole platform, as many as wished for; plays those that its log lacks."""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.alone import forget_the_environment
from tests.faults import breaking, elsewhere, inflicting
from tests.faults.inflicting import Fault
from tests.faults.judgement import Judgement
from tests.faults.rounds import play
from tests.faults.town import peopled

PER_HOUSE: Final = 12


class Round(NamedTuple):
    """What a line of the log tells: by these three it is known whether it was played."""

    seed: int
    number: int
    fault: Fault

    @property
    def name(self) -> tuple[int, int, str]:
        return self.seed, self.number, self.fault.name


def main(words: Sequence[str] | None = None) -> int:
    asked = arguments(words)
    forget_the_environment()
    lines = [json.loads(line) for line in asked.log.read_text().splitlines()] if asked.log.exists() else []
    seed = seed_of(asked, lines)
    every = planned(seed, asked.rounds, asked.only)
    missing = lacking(every, lines)
    print(f"seed {seed}; {len(every) - len(missing)} of {asked.rounds} rounds are in {asked.log}", flush=True)
    found = [
        each for needs in dict.fromkeys(each.fault.needs for each in missing) for each in of(missing, needs, asked)
    ]
    return summed_up(found, missing, len(every) - len(missing))


def planned(seed: int, rounds: int, only: str | None) -> list[Round]:
    faults = islice(cycle(order(only, seed)), rounds)
    return [Round(seed, number, fault) for number, fault in enumerate(faults, 1)]


def lacking(every: Sequence[Round], lines: Sequence[dict[str, Any]]) -> list[Round]:
    done = {(line["seed"], line["number"], line["fault"]) for line in lines}
    return [each for each in every if each.name not in done]


def seed_of(asked: argparse.Namespace, lines: Sequence[dict[str, Any]]) -> int:
    """The one that is asked for, or that of the rounds that are there already."""
    if asked.seed is not None:
        return int(asked.seed)
    return int(lines[-1]["seed"]) if lines else int(time.time()) % 100_000


def of(missing: Sequence[Round], needs: frozenset[str], asked: argparse.Namespace) -> Iterator[Judgement]:
    """Those with the same needs, in one house after the other; where none can be had, they stay missing."""
    left = [each for each in missing if each.fault.needs == needs]
    while left:
        played = 0
        try:
            for judgement in house_of(left[:PER_HOUSE], asked, needs):
                played += 1
                yield judgement
        except Exception as error:
            print(f"a house{' with '.join(('', *needs))} fell: {type(error).__name__}: {error}", flush=True)
            if not played:
                return
        left = left[played:]


def house_of(some: Sequence[Round], asked: argparse.Namespace, needs: frozenset[str]) -> Iterator[Judgement]:
    """As many as come to rest in it, and the one that does not: what comes after it would only repeat it."""
    with peopled(random.Random(some[0].seed), asked.epochs, needs) as town:
        for seed, number, fault in some:
            begun = time.monotonic()
            judgement = play(town, [fault], seed * 1_000 + number, asked.share)
            print(f"round {number}, {time.monotonic() - begun:.0f} s: {judgement.words()}", flush=True)
            with asked.log.open("a") as log:
                log.write(json.dumps(asdict(judgement) | {"seed": seed, "number": number}) + "\n")
            yield judgement
            if not judgement.rested:
                return


def summed_up(found: Sequence[Judgement], missing: Sequence[Round], before: int) -> int:
    kinds = Counter(each.fault.split()[0] for each in found)
    broken, unplayed = sum(bool(each.found) for each in found), len(missing) - len(found)
    print(f"{len(found)} rounds run now ({dict(kinds)}), {before} before; {broken} found something", flush=True)
    if unplayed:
        print(f"{unplayed} rounds could not be played; the same command plays them", flush=True)
    return 1 if broken or unplayed else 0


def order(only: str | None, seed: int) -> list[Fault]:
    """Every fault once, by chance; or those whose name says this, as they stand."""
    faults = [*inflicting.table().values(), *breaking.table().values(), *elsewhere.table().values()]
    if only:
        return [fault for fault in faults if any(part in fault.name for part in only.split(","))]
    return random.Random(seed).sample(faults, len(faults))


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, help="of the order and of every chance; else that of the log, or a new one")
    parser.add_argument("--only", help="words that the names of faults must hold, one of them, divided by commas")
    parser.add_argument("--share", type=float, default=1.0, help="of the full length of each fault")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--log", type=Path, default=Path(".faults.jsonl"), help="rounds that are done, a line each")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
