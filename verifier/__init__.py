"""Verifies a ledger from its first event. Shares no code with what wrote it: psycopg and the standard library only.

What is recomputed: every leaf and the chain over them, positions and versions without gaps, times that never go back,
the canonical form (RFC 8785) of every stored state, the head, and any receipt that somebody kept: `position:chain` of
an answer, or the heads that the platform writes to places outside the database.
"""

import os
from collections.abc import Iterable

from verifier.chain import genesis, leaf, link
from verifier.database import PIECE, in_pieces, stored
from verifier.history import Broken, Event, History, Receipt, Verified
from verifier.kept import Unreadable, dump, dumped, heads, receipt
from verifier.walk import joined, owing, walk

__all__ = [
    "Broken", "Event", "History", "Receipt", "Unreadable", "Verified", "dump", "dumped", "genesis", "heads", "leaf",
    "link", "receipt", "stored", "verify",
]  # fmt: skip


def verify(history: History, receipts: Iterable[Receipt] = ()) -> Verified:
    """Raises Broken at the first position that does not hold."""
    owed = owing(receipts)
    if history.shared and history.position > PIECE and (os.cpu_count() or 1) > 1:
        try:
            return joined(history, in_pieces(history, history.shared, owed), owed)
        except Broken:
            pass  # Of pieces, not the first fault comes to light first: what it is, is said by going through in a row.
    whole = walk(history.ledger, 0, genesis(history.ledger), history.events, owed)
    return joined(history, [whole], owed)
