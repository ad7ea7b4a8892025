"""`python -m cli.verify`: the verifier alone, with nothing of ours around it."""

import argparse
import os
import sys
from pathlib import Path

from cli import verify as verifier
from cli.verify import Broken, Unreadable, dump, dumped, heads, receipt, stored, verify


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cli.verify", description=verifier.__doc__)
    parser.add_argument("--file", type=Path, help="a dump to verify; else the database VISTORY_DATABASE_URL names")
    parser.add_argument("--dump", type=Path, help="write the history to this file instead of verifying it")
    parser.add_argument("--heads", type=Path, help="a folder of heads that were kept outside the database")
    parser.add_argument("receipts", nargs="*", type=receipt, metavar="position:chain")
    asked = parser.parse_args(arguments)
    try:
        with dumped(asked.file) if asked.file else stored(os.environ["VISTORY_DATABASE_URL"]) as history:
            if asked.dump:
                dump(history, asked.dump)
            else:
                kept = heads(asked.heads, history.ledger) if asked.heads else []
                found = verify(history, [*asked.receipts, *kept])
                sys.stdout.write(f"verified {found.events} events; chain {found.chain.hex()}\n")
    except Broken as broken:
        sys.stderr.write(f"history does not hold: {broken}\n")
        return 1
    except Unreadable as unreadable:
        sys.stderr.write(f"{unreadable}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
