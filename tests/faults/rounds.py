"""A round: load, faults at random moments, rest, and a judgement of everything that there is."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import httpx
import psycopg

from cli import rebuild
from cli.client import Api
from cli.live import messages
from consumers.mlflow import BATCHES
from tests.faults import checking, points, read_models, recovery, stored
from tests.faults.following import Followed
from tests.faults.house import House
from tests.faults.inflicting import Blow, Fault
from tests.faults.judgement import Counts, Judgement
from tests.faults.phases import Phase, chosen, reached
from tests.faults.town import Town
from tests.faults.wishing import Record
from tests.whole import ended, everywhere, head, history, waited

WITHIN: Final = 240.0


def play(town: Town, faults: Sequence[Fault], seed: int, share: float) -> Judgement:
    """One fault after the other, each at some phase of a training; then everything is judged at once."""
    chance = random.Random(seed)
    judgement, before = Judgement(", ".join(fault.name for fault in faults), seed), Counts.of(town)
    begun, town.record.before = len(town.trainings.followed), before.wishes
    town.record.judge.ahead, town.letters_cut_off = 0.0, town.house.letters_cut_off()
    town.awake.set()
    with finding(judgement, town.record, town.house.positions):
        begins = list(zip(faults, phases_of(faults, chance), strict=True))
        bare = bare_start(town, [fault for fault, phase in begins if phase is Phase.BETWEEN])
        for fault, phase in begins:
            judgement.phases.append(reached(phase, town.trainings, town.house.direct, chance, share))
            fault.inflict(Blow(town.house, chance, share, town))
        settle(town, town.trainings.followed[begun:], judgement, before)
        judgement.rested = True
        for each in judged_recovery(town, bare, judgement):
            judgement.found.append(each)
        for each in judged(town, town.trainings.followed[begun:], faults):
            judgement.found.append(each)
    with finding(judgement, town.record, town.house.positions):
        before.since(town, judgement)
    return judgement


@contextmanager
def finding(judgement: Judgement, record: Record, positions: Callable[[], object]) -> Iterator[None]:
    """What ends a round early is a finding beside what clients met with until then, and the next round begins."""
    try:
        yield
    except Exception as error:
        judgement.found.append(f"{type(error).__name__}: {error}; {standing(positions)}")
    finally:
        judgement.found += record.blamed()


def standing(positions: Callable[[], object]) -> object:
    """How far each consumer is, where the database is there to say it."""
    try:
        return positions()
    except psycopg.Error as error:
        return f"no positions: {error}"


def phases_of(faults: Sequence[Fault], chance: random.Random) -> list[Phase]:
    """By the seed alone: all of them are drawn before anything else is."""
    return [chosen(fault.needs_an_epoch, chance) for fault in faults]


def bare_start(town: Town, faults: Sequence[Fault]) -> dict[str, float]:
    """Under the load of the round, where it is to be compared with."""
    if not any(fault.ends_a_worker for fault in faults):
        return {}
    return {"bare start": round(recovery.bare_start(town.house.settings, town.house.data), 1)}


def judged_recovery(town: Town, bare: dict[str, float], judgement: Judgement) -> Iterator[str]:
    """Of the last training: it is the one that was harmed."""
    if bare:
        story = history(town.house.direct, town.trainings.followed[-1].job)
        judgement.recovered = bare | recovery.since(town.house.struck_at, story)
        yield from recovery.faults(judgement.recovered)
        yield from recovery.missing(town.house.struck_at, story)
        yield from recovery.begun_too_early(story)


def settle(town: Town, followed: Sequence[Followed], judgement: Judgement, before: Counts) -> None:
    """How long each part takes to come to rest. Raises AssertionError where one does not."""
    house, begun = town.house, time.monotonic()
    mlflow = checking.Mlflow(house.servers.parts.mlflow_url)
    listeners = [listener for each in followed for listener in each.listeners]
    for what, done in (
        ("parts", house.is_whole),
        ("each kind of command", lambda: before.has_each_kind(town)),
        ("answers", town.rest),
        ("jobs", lambda: all(ended(house.direct, each.job) for each in followed)),
        ("copies", lambda: everywhere(house.direct)),
        ("ready", lambda: is_ready(town.api)),
        ("archive", lambda: not list(house.attempts.iterdir())),
        ("sockets", lambda: all(listener.has_ended for listener in listeners)),
        ("letters", lambda: not checking.unwritten(house.ledger_url, town.post.letters(), town.begun)),
        ("links", lambda: every_experiment_is_linked(house.ledger_url)),
        ("MLflow", lambda: all(mlflow.ended(each.job) for each in followed)),
        ("figures", lambda: figures_are_written(house)),
        ("stream", lambda: checking.end_of_stream(house.owner.need("nats_url")) == head(house.direct)),
    ):
        waited(done, WITHIN, f"{what} came to rest")
        judgement.settled[what] = round(time.monotonic() - begun, 1)


def every_experiment_is_linked(url: str) -> bool:
    """To its namesake in MLflow: who links adds events of its own, one after the other."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FILTER (WHERE topic = 'experiment.created'),"
            " count(DISTINCT originator_id) FILTER (WHERE topic = 'experiment.mlflow_linked') FROM ledger.events"
        ).fetchone()
    assert row
    return bool(row[0] == row[1])


def figures_are_written(house: House) -> bool:
    """Of batches, by who waits up to a quarter of a minute between two tries, also after MLflow is back."""
    reached, _ = house.positions().get(BATCHES, (0, None))
    return reached >= checking.end_of_stream(house.owner.need("nats_url"), "TELEMETRY")


def is_ready(api: Api) -> bool:
    try:
        return httpx.get(f"{api.url}/ready", trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def judged(town: Town, followed: Sequence[Followed], faults: Sequence[Fault]) -> Iterator[str]:
    house, wishes = town.house, list(town.record.wishes)
    receipts = [(wish.position, wish.chain) for wish in wishes if wish.accepted and wish.chain]
    ledger = checking.Ledger(house.ledger_url, receipts)
    yield from ledger.faults()
    yield from checking.stream_faults(house.owner.need("nats_url"), ledger)
    yield from read_model_faults(house)
    yield from read_models.faults(house.ledger_url, ledger)
    yield from checking.wish_faults(ledger, wishes)
    yield from checking.command_faults(ledger, wishes, town.begun)
    yield from checking.acceptance_faults(ledger, wishes, town.begun)
    kept = not any(fault.breaks_promises for fault in faults)
    yield from checking.promise_faults(ledger, wishes[town.record.before :], town.judged, kept)
    yield from stored.faults(ledger, wishes, stored.reading(house.servers.parts))
    yield from checking.link_faults(ledger)
    cut_off = house.letters_cut_off() - town.letters_cut_off if any(fault.doubles for fault in faults) else 0
    yield from checking.letter_faults(ledger, town.post.letters(), town.judged, cut_off)
    town.judged = ledger.events[-1].position
    yield from checking.answer_faults(wishes, town.record.before)
    shown = {project: town.api.get(f"/projects/{project}")["name"] for project in list(town.record.names)[-40:]}
    yield from checking.name_faults(shown, ledger)
    yield from checking.parked_faults(house.ledger_url)
    for each in followed:
        yield from judged_job(town, each, faults, ledger)
    ending = {part for fault in faults for part in fault.ends}
    if deaths := {part: count for part, count in house.new_deaths().items() if part not in ending}:
        yield f"ended by themselves: {deaths}"


def judged_job(town: Town, followed: Followed, faults: Sequence[Fault], ledger: checking.Ledger) -> Iterator[str]:
    told = list(messages(town.api, followed.job))
    yield from checking.job_faults(ledger, followed.job, {reason for fault in faults for reason in fault.loses})
    yield from points.epochs_missing(ledger, followed.job)
    if not any(fault.rewinds for fault in faults):
        yield from lost_points(town, followed, ledger, told, any(fault.tells_late for fault in faults))
    yield from checking.Mlflow(town.house.servers.parts.mlflow_url).faults(ledger, followed.job, told)


def lost_points(
    town: Town, followed: Followed, ledger: checking.Ledger, told: Sequence[checking.Message], late: bool
) -> Iterator[str]:
    """A store that was restored has lost what it kept since its backup, and sockets have told of that."""
    job, spools = followed.job, town.spools.of(followed.job)
    yield from points.tail_faults(ledger, job, told)
    yield from points.spool_faults(ledger, job, spools, told)
    yield from points.kept_faults(job, spools, points.archived(town.house.ledger_url, job))
    for number, listener in enumerate(followed.listeners):
        due = checking.told_in_time(listener.heard, told) if late else told
        yield from checking.socket_faults(f"socket {number} of {job}", listener.heard, due)


def read_model_faults(house: House) -> Iterator[str]:
    """Rows that the same history does not give when it is folded once more."""
    models: Any = rebuild.compared(house.settings, [])
    for each in models.differences[: checking.SHOWN]:
        yield f"read model {each.table} {each.key}: {each.columns()}"
