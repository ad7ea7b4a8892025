"""`make bench`: every benchmark, its table, and the same as JSON in bench/results/."""

import sys
from pathlib import Path

from bench.frame import Result, show
from bench.ledger import ledger
from bench.relay import relay
from bench.training import training
from tests.servers import running_servers


def main() -> int:
    results: list[Result] = []
    with running_servers() as servers:
        for benchmark in (ledger, relay, training):
            for result in benchmark(servers):
                results.append(result)
                print(f"{result.work}: {result.ratio:.2f}", file=sys.stderr)
    show(results, Path(__file__).parent / "results" / "latest.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
