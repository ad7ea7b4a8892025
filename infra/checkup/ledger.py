"""What PostgreSQL knows: itself, how far each consumer is, what is set aside, who waits, whose keys nobody saved."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg

from infra import keys_saved, standing
from infra.checkup.finding import Finding, note, well, wrong
from infra.checkup.place import Place
from infra.config import private
from infra.keys import MasterKey
from infra.rotation import beside, opens

LATE: Final = 10.0
SILENT: Final = 30.0
SKEWED: Final = 2.0
# The words of PostgreSQL and of the system, of JetStream's store, and of JetStream for want of room.
FULL: Final = ("no space left", "insufficient storage", "insufficient resources")
# What an account of NATS may store has a limit of its own, whatever room the disk has.
LIMITED: Final = "resource limits exceeded for account"
_SILENT: Final = """
    SELECT j.id, j.attempt, extract(epoch FROM clock_timestamp() - coalesce(h.heard_at, j.started_at))::float8
    FROM read.training_jobs j LEFT JOIN work.heard h ON h.job_id = j.id AND h.attempt = j.attempt
    WHERE j.status = 'running' AND coalesce(h.heard_at, j.started_at) < clock_timestamp() - make_interval(secs => %s)
"""
_UNSAVED: Final = "SELECT count(*), count(*) FILTER (WHERE created_at > %s) FROM person_keys WHERE wrapped IS NOT NULL"


@contextmanager
def connected(place: Place, setting: str = "database_url") -> Iterator[psycopg.Connection]:
    with psycopg.connect(place.cli[setting], autocommit=True, connect_timeout=3) as connection:
        yield connection


@cache
def reached(place: Place) -> bool:
    """Asked once: a server that hangs is waited for once."""
    try:
        with connected(place):
            return True
    except (psycopg.OperationalError, KeyError):
        return False


def database(place: Place) -> Iterator[Finding]:
    if "database_url" not in place.cli:
        return
    if not reached(place):
        yield place.silent("PostgreSQL", "nobody there, or too slow", "postgres")
        return
    with connected(place) as connection:
        begun = time.time()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        assert row
        yield clock(row[0], begun, time.time(), connection.info.parameter_status("server_version") or "")


def clock(theirs: float, begun: float, ended: float, version: str) -> Finding:
    """What it showed between two looks at ours."""
    skew = theirs - (begun + ended) / 2
    if abs(skew) - (ended - begun) > SKEWED:
        return wrong("PostgreSQL", f"its clock is {skew:+.1f} s from ours", "set both machines by NTP", version)
    return well("PostgreSQL", f"it answers; its clock is {skew * 1000:+.0f} ms from ours", version)


def consumers(place: Place) -> Iterator[Finding]:
    if not reached(place):
        return
    with connected(place) as connection:
        row = connection.execute("SELECT ledger, generation, position FROM ledger.head").fetchone()
        assert row, "`vistory migrate` gives the ledger its head"
        yield well("ledger", f"{row[0]}, generation {row[1]}, {row[2]:,} events")
        for each in standing.standings(connection):
            yield judged(each, place.running is not None)


def judged(each: standing.Standing, up: bool) -> Finding:
    lag = f"{each.lag} events" if each.follows_ledger else ""
    if each.stopped is not None:
        return wrong(each.consumer, f"it stopped: {each.stopped}", _remedy(each), lag=lag)
    if each.follows_ledger and each.position > each.head:
        return wrong(each.consumer, f"it is at {each.position}, the ledger at {each.head}", RESTORED, lag=lag)
    if up and lag and each.seconds > LATE:
        do = f"see whether it still moves (again in a minute), then the log of its process, `{_process(each.consumer)}`"
        return wrong(each.consumer, f"the first event that it lacks is {each.seconds:.0f} s old", do, lag=lag)
    return well(each.consumer, f"it is at {each.position:,}" if each.follows_ledger else "it reads on", lag=lag)


RESTORED: Final = "after a restore from a backup: `vistory stream rebuild --new-generation`, then `vistory rebuild`"


def _remedy(each: standing.Standing) -> str:
    if any(words in (each.stopped or "").lower() for words in FULL):
        return "free some of the disk that it writes to; it then goes on by itself"
    if LIMITED in (each.stopped or "").lower():
        return "raise what its account may store in JetStream (`nats account info` says); it then goes on by itself"
    if each.consumer == "relay":
        return "`vistory stream compare` shows where; `vistory stream rebuild` makes the stream anew from the ledger"
    if each.consumer.startswith("projection:"):
        return "mend the reason (an update, mostly), then `vistory rebuild`; until then queries answer as of there"
    return "mend the reason; it then goes on by itself"


def _process(consumer: str) -> str:
    return "relay" if consumer == "relay" else "projector" if consumer.startswith("projection:") else "consumers"


def parked(place: Place) -> Iterator[Finding]:
    if not reached(place):
        return
    with connected(place) as connection:
        found = standing.parked(connection)
    for consumer, count in found.items():
        do = "`vistory parked list` gives the reasons; once mended, `vistory parked redrive ID` tries one again"
        yield wrong("parked", f"{consumer} set {count} messages aside", do)
    if not found:
        yield well("parked", "nothing is set aside")


def trainings(place: Place) -> Iterator[Finding]:
    if not reached(place):
        return
    with connected(place) as connection:
        silent = connection.execute(_SILENT, [SILENT]).fetchall()
        queues = standing.queues(connection)
        known = {framework for (framework,) in connection.execute("SELECT framework FROM work.trainers")}
    for job, attempt, seconds in silent:
        do = f"if the worker is gone, another takes it by itself; else see its log; `vistory job cancel {job}` ends it"
        yield wrong("worker", f"attempt {attempt} of job {job} was not heard of for {seconds:.0f} s", do)
    for framework, (count, seconds) in queues.items():
        says = f"{count} of {framework} wait, the first for {seconds:.0f} s"
        if framework in known:
            yield well("trainings", says)
        else:
            yield wrong(
                "trainings", f"{says}, and no worker ever came", f"start one: `vistory run trainer {framework}`"
            )
    if not silent and not queues:
        yield well("trainings", "none waits, and every worker was heard of lately")


def keys(place: Place) -> Iterator[Finding]:
    if "keys_database_url" not in place.cli or not reached(place):
        return
    saved = keys_saved.last(place.path)
    try:
        with connected(place, "keys_database_url") as connection:
            row: Any = connection.execute(_UNSAVED, [saved or datetime.fromtimestamp(0, UTC)]).fetchone()
            fits = row[0] == 0 or _a_master_key_fits(place, connection)
    except psycopg.OperationalError:
        return
    every, since = row
    if not fits:
        says = f"the master key {place.cli['master_key_file']} opens none of them: nothing personal can be read"
        yield wrong(
            "keys of persons",
            says,
            "`vistory keys restore FILE --master KEY` brings back what opens them",
        )
        return
    do = "`vistory keys backup ONE --master-to ANOTHER`: whoever loses them loses what is personal in the history"
    if saved is None and every:
        yield note("keys of persons", f"{every} keys were never backed up", do)
    elif since:
        yield note(
            "keys of persons", f"{since} of {every} keys came after the last backup ({saved:%Y-%m-%d %H:%M} UTC)", do
        )
    else:
        yield well("keys of persons", f"{every} keys, all in the last backup" if every else "there are none yet")


def _a_master_key_fits(place: Place, connection: psycopg.Connection) -> bool:
    """Also the one that a rotation, cut off, has left beside the old one."""
    file = Path(place.cli["master_key_file"])
    held = [MasterKey(file.stem, private(each).read_bytes()) for each in (file, beside(file)) if each.exists()]
    return any(opens(connection, key) for key in held)
