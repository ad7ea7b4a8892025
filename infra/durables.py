"""Where durables go on when they have to be made again: known from PostgreSQL, never from the bus."""

from collections.abc import Iterable

import psycopg

from infra.nats_users import trainer_durable
from infra.streams import Durable

_JOB = "vistory.events.*.training_job.*"
# An attempt that may begin and has not.
_FIRST_OPEN_ATTEMPT = """
    SELECT min(asked.notification_id) FROM ledger.events asked
    WHERE asked.topic IN ('training_job.requested', 'training_job.requeued') AND NOT EXISTS (
        SELECT FROM ledger.events later
        WHERE later.originator_id = asked.originator_id AND later.originator_version > asked.originator_version
        AND later.topic NOT IN ('training_job.cancel_requested', 'training_job.mlflow_linked'))
"""


def for_trainers(url: str, frameworks: Iterable[str]) -> list[Durable]:
    """By which each framework's service is given the attempts that may begin; older ones are over or in good hands."""
    with psycopg.connect(url) as connection:
        (first,) = connection.execute(_FIRST_OPEN_ATTEMPT).fetchone() or (None,)
        (head,) = connection.execute("SELECT position FROM ledger.head").fetchone() or (0,)
    return [
        Durable(trainer_durable(f), (f"{_JOB}.requested.{f}", f"{_JOB}.requeued.{f}"), first or head + 1)
        for f in frameworks
    ]


def for_reaction(url: str, name: str, filters: tuple[str, ...]) -> Durable:
    """By which a reaction is given its events, from the first that its row `react:<name>` does not cover."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT position FROM work.positions WHERE consumer = %s", (f"react:{name}",)
        ).fetchone()
    return Durable(name, filters, row[0] + 1 if row else 1)
