"""What is done with the code of a letter, and the way on where that leads nowhere any more."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.client import Problem
from cli.exits import Stop
from infra.names import PROBLEM

# Problems of the API that mean: by this code nothing more can be done.
OVER = {f"{PROBLEM}{kind}" for kind in ("link-is-over", "invitation-is-over", "not-found")}


@contextmanager
def by_letter(way_on: str) -> Iterator[None]:
    """Raises Stop where the code is good for nothing any more; it tells how to come by another letter."""
    try:
        yield
    except Problem as refused:
        if refused.document.get("type") not in OVER:
            raise
        raise Stop(f"{refused}; {way_on}", refused.exit_code) from refused
