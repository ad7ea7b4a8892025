"""`make bench`: benchmarks by name or all, their table, and the same as JSON in bench/results/.

A file here is a benchmark when it holds a function of its own name, from a `Bench` to its results; what runs in another
environment is in peers/.
"""

import argparse
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

from bench.frame import Bench, Benchmark, show
from bench.kept import Kept
from infra.code_version import code_version
from tests.alone import forget_the_environment
from tests.servers import running_servers

HERE = Path(__file__).parent
SECONDS = 300
"""What the short form of all may take."""
SLOW = ("training",)
"""Minutes, however little there is to train: in the short form only where they are named."""


def benchmarks() -> dict[str, Benchmark]:
    names = [module.name for module in pkgutil.iter_modules([str(HERE)])]
    modules = {name: import_module(f"bench.{name}") for name in names if name != "__main__"}
    return {name: getattr(module, name) for name, module in modules.items() if hasattr(module, name)}


def main(words: Sequence[str]) -> int:
    known = benchmarks()
    chosen = asked(words, known)
    names = chosen.names or [name for name in known if chosen.long or name not in SLOW]
    form = "long" if chosen.long else "short"
    kept = Kept(HERE / "results" / f"{form}.json")
    there = [name for name in names if chosen.long and not chosen.again and kept.has(name, code_version())]
    if there:
        print(f"measured by this code before, so not again without --again: {', '.join(there)}", file=sys.stderr)
    measure({name: known[name] for name in names if name not in there}, chosen.long, kept)
    show(kept.results(names))
    seconds = kept.seconds(names)
    print(", ".join(f"{name} {spent:.0f} s" for name, spent in seconds.items()), file=sys.stderr)
    print(f"the {form} form of these ran for {sum(seconds.values()):.0f} s", file=sys.stderr)
    if not chosen.names and not chosen.long and sum(seconds.values()) > SECONDS:
        print(f"the short form took more than {SECONDS} s", file=sys.stderr)
    return 0


def asked(words: Sequence[str], known: Mapping[str, Benchmark]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Ratios against limits measured in the same run.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"all, or some of: {', '.join(known)}")
    parser.add_argument("--long", action="store_true", help="the big sizes; what this code has measured stays")
    parser.add_argument("--again", action="store_true", help="also what this code has measured")
    chosen = parser.parse_args(words)
    if unknown := set(chosen.names) - known.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}; there is: {', '.join(known)}")
    return chosen


def measure(chosen: Mapping[str, Benchmark], long: bool, kept: Kept) -> None:
    if not chosen:
        return
    forget_the_environment()
    with running_servers() as servers:
        bench = Bench(servers, long)
        for name, benchmark in chosen.items():
            for result in kept.measured(name, code_version(), benchmark(bench)):
                print(f"{result.work}: {result.ours if result.ratio is None else result.ratio:.2f}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
