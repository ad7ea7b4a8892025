"""API tokens as they were last read: whose one is costs a request no query.

What a token says of itself never changes; it can only end, and what ends is heard of. Whoever it lets in is asked for
its rights all the same, and with them the ledger for the token.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from commands.access import Caller
from domain.api_token import ApiToken
from infra.api_tokens import NOTED_EVERY, REMEMBERED, ApiTokens
from infra.bearer import digest
from infra.ended import Ended

# Then it is read again, and with that its use is noted, where that is due.
GOOD_FOR: Final = NOTED_EVERY / 2


@dataclass(frozen=True)
class KnownTokens:
    tokens: ApiTokens
    ended: Ended
    _read: dict[bytes, tuple[float, ApiToken, Caller]] = field(default_factory=dict, repr=False)

    def caller(self, token: str) -> Caller:
        """Its owner, within its scopes. Raises Unauthenticated."""
        return self._known(token) or self._asked(token)

    async def caller_soon(self, token: str) -> Caller:
        """The same without holding up the loop."""
        known = self._known(token)
        return known if known is not None else await asyncio.to_thread(self._asked, token)

    def _known(self, token: str) -> Caller | None:
        read = self._read.get(digest(token))
        if read is None:
            return None
        at, found, bearer = read
        is_fresh = time.monotonic() < at + GOOD_FOR and datetime.now(UTC) < found.expires_at
        return bearer if is_fresh and self.ended.would_know(found.id, at) else None

    def _asked(self, token: str) -> Caller:
        at, found = time.monotonic(), self.tokens.carried(token)
        bearer = self.tokens.bearer(found)
        if len(self._read) >= REMEMBERED:
            self._read.clear()
        self._read[digest(token)] = at, found, bearer
        return bearer
