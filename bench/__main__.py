"""`make bench`: benchmarks by name or all, their table, and the same as JSON in bench/results/.

A file here is a benchmark when it holds a function of its own name, from a `Bench` to its results; what runs in another
environment is in peers/.
"""

import argparse
import os
import pkgutil
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench.frame import Bench, Benchmark, Result, show
from infra.code_version import code_version
from tests.servers import running_servers

HERE = Path(__file__).parent
SECONDS = 300
"""What the short form of all may take."""


def benchmarks() -> dict[str, Benchmark]:
    names = [module.name for module in pkgutil.iter_modules([str(HERE)])]
    modules = {name: import_module(f"bench.{name}") for name in names if name != "__main__"}
    return {name: getattr(module, name) for name, module in modules.items() if hasattr(module, name)}


def main(words: Sequence[str]) -> int:
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="bench", description="Ratios against limits measured in the same run.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"all, or some of: {', '.join(known)}")
    parser.add_argument("--long", action="store_true", help="the big sizes")
    chosen = parser.parse_args(words)
    if unknown := set(chosen.names) - known.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}; there is: {', '.join(known)}")
    start = time.monotonic()
    results, seconds = measured({name: known[name] for name in chosen.names or known}, chosen.long)
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": code_version(),
        "form": "long" if chosen.long else "short",
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "seconds": seconds | {"all": time.monotonic() - start},
    }
    show(results, about, HERE / "results" / f"{about['form']}.json")
    print(", ".join(f"{name} {spent:.0f} s" for name, spent in seconds.items()), file=sys.stderr)
    if not chosen.names and not chosen.long and time.monotonic() - start > SECONDS:
        print(f"the short form took more than {SECONDS} s", file=sys.stderr)
    return 0


def measured(chosen: dict[str, Benchmark], long: bool) -> tuple[list[Result], dict[str, float]]:
    """The results, and how long each benchmark took."""
    results: list[Result] = []
    seconds: dict[str, float] = {}
    with running_servers() as servers:
        for name, benchmark in chosen.items():
            start = time.monotonic()
            for result in benchmark(Bench(servers, long)):
                results.append(result)
                print(f"{result.work}: {result.ours if result.ratio is None else result.ratio:.2f}", file=sys.stderr)
            seconds[name] = time.monotonic() - start
    return results, seconds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
