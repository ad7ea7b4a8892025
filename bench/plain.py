"""The serial limit: plain single-row commits, one after another, on a connection of their own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from uuid_utils.compat import uuid7

PLAIN: Final = "plain single-row commits, one after another"
STATE: Final = b'{"data":{},"envelope":{}}'.ljust(700)


@contextmanager
def plain_commits(url: str) -> Iterator[Callable[[], object]]:
    """What makes one commit, as the owner of the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.plain (id uuid PRIMARY KEY, state bytea NOT NULL)")
        yield lambda: connection.execute("INSERT INTO public.plain VALUES (%b, %b)", (uuid7(), STATE), prepare=True)
