"""`python -m verifier`: it runs where there is nothing but this folder, psycopg and the standard library."""

import argparse
import os
import sys
from pathlib import Path

import verifier
from verifier import Broken, Unreadable, dump, dumped, heads, receipt, stored, verify

# As `vistory replay verify` ends.
NOT_VERIFIED, USAGE = 4, 2


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m verifier", description=verifier.__doc__)
    parser.add_argument("--file", type=Path, help="a dump to verify; else the database VISTORY_DATABASE_URL names")
    parser.add_argument("--dump", type=Path, help="write the history to this file instead of verifying it")
    parser.add_argument("--heads", type=Path, help="a folder of heads that were kept outside the database")
    parser.add_argument("receipts", nargs="*", type=receipt, metavar="position:chain")
    asked = parser.parse_args(arguments)
    url = os.environ.get("VISTORY_DATABASE_URL")
    if not (asked.file or url):
        parser.error("name a database in VISTORY_DATABASE_URL, or a --file")
    try:
        with dumped(asked.file) if asked.file else stored(url or "") as history:
            if asked.dump:
                dump(history, asked.dump)
            else:
                kept = heads(asked.heads, history.ledger) if asked.heads else []
                found = verify(history, [*asked.receipts, *kept])
                sys.stdout.write(f"verified {found.events} events; chain {found.chain.hex()}\n")
    except Broken as broken:
        sys.stderr.write(f"history does not hold: {broken}\n")
        return NOT_VERIFIED
    except Unreadable as unreadable:
        sys.stderr.write(f"{unreadable}\n")
        return USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
