"""`make faults`: rounds of faults against the whole platform, as many as wished for; goes on where it was."""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count, cycle, islice
from pathlib import Path

from tests.faults import breaking, inflicting
from tests.faults.inflicting import Fault
from tests.faults.rounds import Judgement, play
from tests.faults.town import peopled

PER_HOUSE = 12


def main() -> int:
    asked = arguments()
    done = asked.log.read_text().splitlines() if asked.log.exists() else []
    chosen = order(asked.only, asked.seed)
    print(f"seed {asked.seed}; {len(done)} of {asked.rounds} rounds are in {asked.log}", flush=True)
    wanted = list(islice(zip(count(), cycle(chosen), strict=False), len(done), asked.rounds))
    found: list[Judgement] = []
    for needs in dict.fromkeys(fault.needs for _, fault in wanted):
        mine = [each for each in wanted if each[1].needs == needs]
        for start in range(0, len(mine), PER_HOUSE):
            found += house_of(mine[start : start + PER_HOUSE], asked, needs)
    kinds = Counter(each.fault.split()[0] for each in found)
    broken = sum(bool(each.found) for each in found)
    print(f"{len(found)} rounds run now ({dict(kinds)}), {len(done)} before; {broken} found something", flush=True)
    return 1 if broken else 0


def house_of(some: Sequence[tuple[int, Fault]], asked: argparse.Namespace, needs: frozenset[str]) -> list[Judgement]:
    found = []
    with peopled(random.Random(asked.seed), asked.epochs, needs) as town:
        for number, fault in some:
            begun = time.monotonic()
            judgement = play(town, [fault], asked.seed * 1_000 + number, asked.share)
            print(f"round {number + 1}, {time.monotonic() - begun:.0f} s: {judgement.words()}", flush=True)
            with asked.log.open("a") as log:
                log.write(judgement.line() + "\n")
            found.append(judgement)
            if any("come to rest" in each for each in judgement.found):
                break  # what comes after it would only repeat it
    return found


def order(only: str | None, seed: int) -> list[Fault]:
    """Every fault once, by chance; or those whose name says this, as they stand."""
    faults = [*inflicting.table().values(), *breaking.table().values()]
    if only:
        return [fault for fault in faults if any(part in fault.name for part in only.split(","))]
    return random.Random(seed).sample(faults, len(faults))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--only", help="words that the names of faults must hold, one of them, divided by commas")
    parser.add_argument("--share", type=float, default=1.0, help="of the full length of each fault")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--log", type=Path, default=Path(".faults.jsonl"), help="rounds that are done, a line each")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
