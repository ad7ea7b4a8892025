"""The security log: what was refused and should be known of, beside the history, of bounded size and age.

Of one account, or one organization, a flood makes a few rows an hour, which count it; 1,000 rows are kept, for 90 days.
Addresses are kept as networks are counted, and nothing of what was typed. Who is erased takes their rows along.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool
from sqlalchemy import BigInteger, Column, Connection, DateTime, MetaData, Table, Text, Uuid, func, or_, select

from domain.session import Means
from domain.values import Value
from infra.allowance import household
from projections.membership import members, people
from projections.paging import Page, every, newest


class SecurityEventKind(StrEnum):
    SIGN_IN_FAILED = "sign_in_failed"
    SECOND_FACTOR_FAILED = "second_factor_failed"
    """By what looked like a code of an authenticator."""
    RECOVERY_CODE_FAILED = "recovery_code_failed"
    TOKEN_MADE_UP = "token_made_up"
    """A link's or a refresh token that was never given to anybody."""
    REACHED_OUT = "reached_out"
    """Somebody of the organization asked for a thing of another organization."""
    REACHED_IN = "reached_in"
    """Somebody of another organization asked for a thing of this one."""


BY_MEANS: Final = {
    SecurityEventKind.SIGN_IN_FAILED: Means.PASSWORD,
    SecurityEventKind.SECOND_FACTOR_FAILED: Means.TOTP,
    SecurityEventKind.RECOVERY_CODE_FAILED: Means.RECOVERY_CODE,
}
log: Final = Table(
    "security_log",
    MetaData(schema="secrets"),
    Column("id", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("organization_id", Uuid),
    Column("person_id", Uuid),
    Column("network", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
)
_DUE: Final = """
    SELECT person_id, kind, hour, sum(count)::bigint AS failures, min(first_at) AS first_at, max(last_at) AS last_at
    FROM secrets.security_log
    WHERE person_id IS NOT NULL AND NOT told AND kind = ANY(%s)
        AND hour < date_trunc('hour', clock_timestamp() - interval '1 minute')
    GROUP BY person_id, kind, hour ORDER BY hour LIMIT %s
"""


class SecurityEntry(Value):
    """What happened `count` times between two moments of one hour.

    `person_id` is whose account it was about, or who asked; `network` is none where there were too many to name.
    """

    id: int
    kind: SecurityEventKind
    person_id: UUID | None
    avatar_name: str | None
    network: str | None
    count: int
    first_at: datetime
    last_at: datetime


class SecurityCount(Value):
    """Of one kind on one day (UTC), in all organizations and where nobody knows in which."""

    day: datetime
    kind: SecurityEventKind
    count: int


class Failures(NamedTuple):
    """Of one person by one means, in an hour that is over."""

    person_id: UUID
    kind: str
    hour: datetime
    failures: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class SecurityLog:
    pool: ConnectionPool

    def note(
        self,
        kind: SecurityEventKind,
        address: str = "",
        *,
        person_id: UUID | None = None,
        organization_id: UUID | None = None,
    ) -> None:
        with self.pool.connection() as connection:
            connection.execute(
                "SELECT secrets.note_security(%s, %s, %s, %s)", (kind, organization_id, person_id, household(address))
            )

    def due(self, most: int) -> list[Failures]:
        """What the history does not say yet, the oldest first."""
        with self.pool.connection() as connection, connection.cursor(row_factory=class_row(Failures)) as cursor:
            return cursor.execute(_DUE, (list(BY_MEANS), most)).fetchall()

    def told(self, failures: Failures) -> None:
        with self.pool.connection() as connection:
            connection.execute("SELECT secrets.security_told(%s, %s, %s)", failures[:3])


def list_entries(
    tx: Connection, organization_id: UUID, *, after: int | None = None, limit: int = 50
) -> Page[SecurityEntry]:
    """What is about an organization, and the accounts of its members; of whoever waits it is not theirs to read."""
    ours = select(members.c.person_id).where(members.c.organization_id == organization_id, members.c.role.is_not(None))
    about = or_(log.c.organization_id == organization_id, log.c.organization_id.is_(None) & log.c.person_id.in_(ours))
    shown = [each for each in log.c if each.name not in ("organization_id", "network")]
    query = select(*shown, func.nullif(log.c.network, "").label("network"), people.c.avatar_name)
    whose = log.outerjoin(people, people.c.id == log.c.person_id)
    return newest(tx, query.select_from(whose).where(about), log.c.id, SecurityEntry, after, limit)


def counts(tx: Connection, since: datetime) -> list[SecurityCount]:
    """The latest day first."""
    day = func.date_trunc("day", log.c.last_at, "UTC").label("day")
    total = func.sum(log.c.count).cast(BigInteger).label("count")
    query = select(day, log.c.kind, total).where(log.c.last_at >= since).group_by(day, log.c.kind)
    return every(tx, query.order_by(day.desc(), log.c.kind), SecurityCount)
