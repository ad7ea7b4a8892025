"""Delays that grow with each failure at what is not to be guessed: kept in the database, so the same in every process.

An act is counted for the account and for the network, and for the two together. From a network where an account was
proven before (it signed in, or set its password by a link) only the last counts: whoever guesses elsewhere keeps
nobody from their own account. Everybody else may set another password by mail, and is known from there on.
Unknown accounts wait as known ones do. Neither address is kept, only an HMAC.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from psycopg_pool import ConnectionPool

from infra.allowance import TooManyRequests, household


class Pace(NamedTuple):
    """So many in a row are free, the next waits `first` seconds, each after it twice as long, `most` at most.

    One failure is forgotten every `most` seconds.
    """

    free: int
    first: float
    most: float


class Act(StrEnum):
    SIGN_IN = "sign_in"
    SECOND_FACTOR = "second_factor"
    LETTER = "letter"
    INVITATION = "invitation"
    LINK = "link"
    REFRESH = "refresh"


# Of one account from one network, of one account from all, and of one network for all accounts: others are behind it.
_PROVEN: Final = {"both": Pace(5, 5.0, 900.0), "account": Pace(10, 5.0, 300.0), "network": Pace(100, 5.0, 60.0)}
# Of six digits, of which three are good at a time, and the password known: at last one guess an hour.
_SIX_DIGITS: Final = {**_PROVEN, "both": Pace(5, 5.0, 3_600.0), "account": Pace(10, 5.0, 3_600.0)}
# Of what carries 256 random bits.
_UNGUESSABLE: Final = {"network": Pace(20, 5.0, 60.0)}
PACES: Final[Mapping[Act, Mapping[str, Pace]]] = {
    Act.SIGN_IN: _PROVEN,
    Act.SECOND_FACTOR: _SIX_DIGITS,
    # Whoever asks for letters to somebody else sends them, and each is good for an hour: nobody is kept from a link.
    Act.LETTER: {"account": Pace(3, 300.0, 900.0), "network": Pace(20, 5.0, 60.0)},
    # Members invite many from one network, and nobody many times.
    Act.INVITATION: {"account": Pace(10, 60.0, 900.0)},
    Act.LINK: _UNGUESSABLE,
    Act.REFRESH: _UNGUESSABLE,
}


_DAY: Final = 24 * 3600.0


def all_day(count: int) -> Pace:
    """So many at once, and as many each day after that, one by one."""
    return Pace(count, _DAY / count, _DAY / count)


def invitations(each_day: int) -> Mapping[str, tuple[Pace, str]]:
    """Of whatever address, where an organization may send so many in a day: what is counted, and why one waits."""
    return {
        "organization": (
            all_day(each_day),
            f"your organization has sent the {each_day} invitations that it may send in a day; "
            "whoever runs this platform can allow more (VISTORY_LIMITS_INVITATIONS_PER_DAY)",
        ),
        "inviter": (
            Pace(max(1, each_day // 5), 60.0, 60.0),
            "you have sent very many invitations; from here on it is one a minute",
        ),
        "network": (all_day(2 * each_day), "very many invitations were sent from your network"),
    }


WHY: Final[Mapping[Act, str]] = {
    Act.LETTER: "letters were asked for too often, to this address or from yours",
    Act.INVITATION: "this address was invited too often",
}
# What a program does many times by right, and may well wait for.
_PACED: Final = (Act.INVITATION, Act.REFRESH)


class TriedTooOften(TooManyRequests):
    """Somebody tried what is not to be guessed, or asked for letters, too often: that is no load that passes."""


@dataclass(frozen=True)
class Delays:
    """`account` is the digest of an address, or a person's id."""

    pool: ConnectionPool
    pepper: bytes
    invitations_per_day: int = 0
    """Of one organization; 0 is without limits."""
    idle: bool = False
    """For a benchmark: nobody waits."""

    def look(self, act: Act, address: str, account: bytes = b"") -> None:
        """Raises TooManyRequests where `take` would; counts nothing."""
        if not self.idle:
            keys, _ = self._of(act, address, account)
            self._ask(act, "SELECT secrets.delay(%s)", keys)

    def take(self, act: Act, address: str, account: bytes = b"") -> None:
        """Before it is tried, which `forgive` takes back if it went well. Raises TooManyRequests."""
        if not self.idle:
            keys, paces = self._of(act, address, account)
            self._ask(act, "SELECT secrets.count_try(%s, %s, %s, %s)", keys, *map(list, zip(*paces, strict=True)))

    def take_invitation(self, address: str, organization_id: UUID, inviter_id: UUID) -> None:
        """One more letter to whomever, before it is sent. Raises TooManyRequests, and counts nothing then."""
        if self.idle or not self.invitations_per_day:
            return
        whom = (organization_id.bytes, inviter_id.bytes, household(address).encode())
        paces = invitations(self.invitations_per_day)
        keys = [self._key(Act.INVITATION, name, id) for name, id in zip(paces, whom, strict=True)]
        for key, (_, why) in zip(keys, paces.values(), strict=True):
            self._wait("SELECT secrets.delay(%s)", [key], why=why)
        free, first, most = map(list, zip(*(pace for pace, _ in paces.values()), strict=True))
        self._wait("SELECT secrets.count_try(%s, %s, %s, %s)", keys, free, first, most)

    def forgive(self, act: Act, address: str, account: bytes, person_id: UUID) -> None:
        """Whoever acts is the person: what they failed before from there is forgotten, and they are known there."""
        if self.idle:
            return
        keys, paces = self._of(act, address, account)
        with self.pool.connection() as connection:
            free = [pace.free for pace in paces]
            connection.execute("SELECT secrets.forgive(%s, %s, %s)", (keys, free, person_id))

    def _of(self, act: Act, address: str, account: bytes) -> tuple[list[bytes], list[Pace]]:
        network = household(address).encode()
        whom = {"both": hashlib.sha256(account).digest() + network, "account": account, "network": network}
        return [self._key(act, name, whom[name]) for name in PACES[act]], list(PACES[act].values())

    def _key(self, act: Act, name: str, whom: bytes) -> bytes:
        return hmac.digest(self.pepper, f"delay/1/{act}/{name}/".encode() + whom, hashlib.sha256)

    def _ask(self, act: Act, query: str, *parameters: object) -> None:
        kind = TooManyRequests if act in _PACED else TriedTooOften
        why = WHY.get(act, "this failed too often, for this account or from this address")
        self._wait(query, *parameters, why=why, kind=kind)

    def _wait(
        self,
        query: str,
        *parameters: object,
        why: str = "others invited at the same moment",
        kind: type[TooManyRequests] = TooManyRequests,
    ) -> None:
        """Raises TooManyRequests."""
        with self.pool.connection() as connection:
            row = connection.execute(query, parameters).fetchone()
        if row and row[0] > 0:
            raise kind(row[0], why)
