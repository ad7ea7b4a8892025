"""Decides whether history held: from the servers themselves and from what clients kept, by no code that writes."""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import httpx
import nats
import psycopg
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig

import verifier
from tests.faults.wishing import (
    ACCEPTED,
    INVITED,
    NAMED,
    PROMISED,
    REGISTERED,
    RESET,
    SENT_AGAIN,
    UNDONE,
    Wish,
)

ENDS: Final = ("training_job.completed", "training_job.failed", "training_job.cancelled")
WRITTEN_ABOUT: Final = frozenset({REGISTERED, INVITED, SENT_AGAIN, RESET, *PROMISED})
CONFLICT: Final = "conflict"
SHOWN: Final = 5


class Told(NamedTuple):
    """A message of the stream, as the server gives it."""

    sequence: int
    chain: str
    state: bytes


class Stored(NamedTuple):
    position: int
    originator: str
    topic: str
    data: Mapping[str, Any]
    chain: str
    state: bytes
    command: str

    @property
    def event(self) -> str:
        """Its own id."""
        return str(json.loads(self.state)["envelope"]["event"])


@dataclass(frozen=True)
class Ledger:
    url: str
    receipts: Sequence[tuple[int, str]] = ()

    @cached_property
    def events(self) -> list[Stored]:
        query = (
            "SELECT notification_id, originator_id, topic, encode(chain, 'hex'), state, command_id"
            " FROM ledger.events ORDER BY notification_id"
        )
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(query).fetchall()
        return [
            Stored(position, str(id), topic, json.loads(state)["data"], chain, bytes(state), str(command))
            for position, id, topic, chain, state, command in rows
        ]

    def of(self, id: str) -> list[Stored]:
        return [event for event in self.events if event.originator == id]

    @cached_property
    def joined(self) -> frozenset[str]:
        """The commands by which somebody came in whose address a letter had proven: no other is written to it."""
        return self._by(ACCEPTED)

    @cached_property
    def reset(self) -> frozenset[str]:
        """The commands by which somebody set a password, and with it proved the address."""
        return self._by(RESET)

    def _by(self, topic: str) -> frozenset[str]:
        return frozenset(event.command for event in self.events if event.topic == topic)

    def command_at(self, position: int) -> str | None:
        return self.events[position - 1].command if position <= len(self.events) else None

    def faults(self) -> Iterator[str]:
        """The chain from the first event, positions, versions, the canonical form, and every receipt."""
        try:
            with verifier.stored(self.url) as history:
                verifier.verify(history, self.receipts)
        except verifier.Broken as broken:
            yield f"the ledger does not hold: {broken}"


def stream_faults(url: str, ledger: Ledger) -> Iterator[str]:
    """The stream carries every event under its own number, and nothing else."""
    told = asyncio.run(streamed(url))
    expected = [Told(event.position, event.chain, event.state) for event in ledger.events]
    wrong = [b.sequence for a, b in zip(told, expected, strict=False) if a != b]
    if wrong or len(told) != len(expected):
        yield f"the stream has {len(told)} of {len(expected)} events; other than stored at {wrong[:SHOWN]}"


def end_of_stream(url: str, stream: str = "EVENTS") -> int:
    async def last() -> int:
        client = await nats.connect(url, inbox_prefix=b"_INBOX_admin")
        try:
            return int((await client.jetstream().stream_info(stream)).state.last_seq)
        finally:
            await client.close()

    return asyncio.run(last())


async def streamed(url: str) -> list[Told]:
    client = await nats.connect(url, inbox_prefix=b"_INBOX_admin")
    js, found = client.jetstream(), list[Told]()
    try:
        made = await js.add_consumer("EVENTS", ConsumerConfig(ack_policy=AckPolicy.NONE, inactive_threshold=30))
        reading = await js.pull_subscribe_bind(made.name, stream="EVENTS")
        last = (await js.stream_info("EVENTS")).state.last_seq
        while len(found) < last:
            try:
                batch = await reading.fetch(500, timeout=5)
            except (TimeoutError, NatsTimeout):
                break
            found += [told(message) for message in batch]
    finally:
        await client.close()
    return found


def told(message: Any) -> Told:
    return Told(message.metadata.sequence.stream, (message.headers or {}).get("ce-chain", ""), message.data)


def wish_faults(ledger: Ledger, wishes: Sequence[Wish]) -> Iterator[str]:
    """Each word of an accepted wish exactly once, by the command that its receipt is of; of a refused one nowhere."""
    there: dict[str, list[Stored]] = {}
    for event in ledger.events:
        if isinstance(name := event.data.get("name"), str):
            there.setdefault(name, []).append(event)
    for wish in wishes:
        if wish.topic not in NAMED:
            continue
        found = [(event.topic, event.command) for event in there.get(wish.word, [])]
        wanted = [(wish.topic, ledger.command_at(wish.position))] if wish.accepted else []
        if found != wanted:
            yield f"{wish.word!r} was answered {wish.status}, {wish.position}: wanted {wanted}, found {found}"


def command_faults(ledger: Ledger, wishes: Sequence[Wish], after: int) -> Iterator[str]:
    """What bears no word: since this position, as many events of its topic as accepted wishes, of the same commands."""
    for topic in sorted({wish.topic for wish in wishes} - NAMED - PROMISED - {ACCEPTED}):
        events = [event for event in ledger.events[after:] if event.topic == topic]
        besides = ledger.joined if topic == RESET else ledger.joined | ledger.reset
        found = Counter[str | None](event.command for event in events if event.command not in besides)
        wanted = Counter(ledger.command_at(w.position) for w in wishes if w.topic == topic and w.accepted)
        if found != wanted:
            yield f"{topic}: {found - wanted} that nobody was told of, {wanted - found} that are not there"


def acceptance_faults(ledger: Ledger, wishes: Sequence[Wish], after: int) -> Iterator[str]:
    """Each by its invitation: whoever asked twice was told that it was done, and got no receipt."""
    found = Counter(event.originator for event in ledger.events[after:] if event.topic == ACCEPTED)
    wanted = Counter(wish.id for wish in wishes if wish.topic == ACCEPTED and wish.accepted)
    if found != wanted:
        yield f"{ACCEPTED}: {found - wanted} that nobody was told of, {wanted - found} that are not there"


def promise_faults(ledger: Ledger, wishes: Sequence[Wish], after: int, kept: bool) -> Iterator[str]:
    """Of nobody more than was asked for; `kept`, also no less than was promised: nothing stood in the way of that."""
    promised = [wish for wish in wishes if wish.topic in PROMISED]
    asked, answered = (Counter((w.topic, w.id) for w in promised if w.accepted or every) for every in (True, False))
    found = Counter((event.topic, event.originator) for event in ledger.events[after:] if event.topic in PROMISED)
    for (topic, person), count in (found - asked).items():
        yield f"{topic}: {count} of person {person} that nobody asked for"
    for (topic, person), count in (answered - found).items() if kept else ():
        yield f"{topic}: {count} of person {person} that were promised are not there"


def link_faults(ledger: Ledger) -> Iterator[str]:
    """An experiment has one counterpart in MLflow."""
    links = Counter(event.originator for event in ledger.events if event.topic == "experiment.mlflow_linked")
    for experiment, count in links.items():
        if count > 1:
            yield f"experiment {experiment} was linked {count} times"


def letter_faults(ledger: Ledger, letters: Mapping[str, int], after: int, cut_off: int) -> Iterator[str]:
    """One for each event that people are written to about; of each kind one more for each time that one was cut off.

    Letters of one kind are written one after the other: no more than one is under way at a time.
    """
    more = Counter[str]()
    for event in ledger.events[after:]:
        if event.topic not in WRITTEN_ABOUT:
            continue
        count, wanted = letters.get(event.event, 0), int(event.command not in ledger.joined)
        if count < wanted or count > wanted == 0:
            yield f"{count} letters were written about {event.topic} at {event.position}"
        elif wanted:
            more[event.topic] += count - wanted
    for topic, count in more.items():
        if count > cut_off:
            yield f"{count} letters too many were written about {topic}, where one was cut off {cut_off} times"


def unwritten(url: str, letters: Mapping[str, int], after: int) -> int:
    """How many letters are still to come."""
    query = (
        "SELECT state FROM ledger.events WHERE notification_id > %s AND topic = ANY(%s)"
        " AND command_id NOT IN (SELECT command_id FROM ledger.events WHERE topic = %s)"
    )
    with psycopg.connect(url) as connection:
        states = connection.execute(query, (after, list(WRITTEN_ABOUT), ACCEPTED)).fetchall()
    return sum(json.loads(state)["envelope"]["event"] not in letters for (state,) in states)


def answer_faults(wishes: Sequence[Wish], since: int) -> Iterator[str]:
    """What cannot be wished is refused as such, everything else comes true, unless two wished at the same time.

    Of all wishes but the first so many, which were judged before.
    """
    undone = {wish.id for wish in wishes if wish.status == UNDONE}
    for wish in wishes[since:]:
        impossible = "00000000-0000-7000" in f"{wish.path}{wish.body}"
        allowed = (404, 422) if impossible else (200, 201, 202)
        came_to_nothing = wish.topic in PROMISED and wish.status is None
        if came_to_nothing or wish.status in (*allowed, UNDONE) or wish.id in undone or lost_a_race(wish, wishes):
            continue
        told = f"{wish.status} {wish.problem} after {wish.lost} lost answers"
        yield f"{wish.method} {wish.path} {wish.body} was answered {told}"


def lost_a_race(wish: Wish, wishes: Sequence[Wish]) -> bool:
    return (wish.status, wish.problem) == (409, CONFLICT) and any(map(wish.meets, wishes))


def name_faults(shown: Mapping[str, str], ledger: Ledger) -> Iterator[str]:
    """Each project bears the last name that the ledger gave it."""
    last: dict[str, str] = {}
    for event in ledger.events:
        if event.topic in ("project.created", "project.renamed"):
            last[event.originator] = event.data["name"]
    for project, name in shown.items():
        if name != last.get(project):
            yield f"project {project} shows {name!r}, the ledger says {last.get(project)!r}"


def job_faults(ledger: Ledger, job: str, reasons: Iterable[str]) -> Iterator[str]:
    """One end; every attempt that began was claimed once, and every loss has a reason that was to be expected."""
    events = ledger.of(job)
    counts = Counter(event.topic for event in events)
    if sum(counts[topic] for topic in ENDS) != 1:
        yield f"job {job} has these ends: { {topic: counts[topic] for topic in ENDS} }"
    claimed = [event.data["attempt"] for event in events if event.topic == "training_job.claimed"]
    if claimed != sorted(set(claimed)):
        yield f"job {job}: attempts claimed {claimed}"
    if counts["training_job.completed"] != 1:
        yield f"job {job} did not end well: {[(e.topic, dict(e.data)) for e in events if e.topic in ENDS]}"
    given = {event.data["evidence"]["reason"] for event in events if event.topic == "training_job.lost"}
    if not given <= set(reasons):
        yield f"job {job} was lost for {given}, which nobody caused"
    yield from epoch_faults(job, events)


def epoch_faults(job: str, events: Sequence[Stored]) -> Iterator[str]:
    """Each attempt tells of every epoch behind the checkpoint that it went on from, once and in order."""
    starts = {e.data["attempt"]: e.data["resumed_from"] for e in events if e.topic == "training_job.started"}
    told: dict[int, list[int]] = {}
    for event in events:
        if event.topic == "training_job.epoch_completed":
            told.setdefault(event.data["attempt"], []).append(event.data["epoch"])
    for attempt, epochs in told.items():
        resumed = starts.get(attempt)
        first = (resumed["epoch"] if resumed else 0) + 1
        if epochs != list(range(first, first + len(epochs))):
            yield f"job {job}, attempt {attempt}, resumed from {first - 1}: it told of epochs {epochs}"


Figure = tuple[str, int, float]
Message = Mapping[str, Any]


@dataclass(frozen=True)
class Mlflow:
    """Its own REST interface."""

    url: str

    def faults(self, ledger: Ledger, job: str, messages: Sequence[Message]) -> Iterator[str]:
        """One run, at its end; a figure at each step that was trained, once, also where two attempts trained it."""
        runs = self._runs(job)
        if [run["info"]["status"] for run in runs] != ["FINISHED"]:
            yield f"job {job} has these runs in MLflow: {[run['info'] for run in runs]}"
            return
        told = [*epoch_figures(ledger.of(job)), *batch_figures(messages)]
        found = list(self._figures(runs[0], {key for key, _, _ in told}))
        steps = Counter((key, step) for key, step, _ in found)
        wrong: dict[str, Collection[tuple[object, ...]]] = {
            "lost": {(key, step) for key, step, _ in told} - steps.keys(),
            "doubled": {place for place, count in steps.items() if count > 1},
            "that nobody told": set(found) - set(told),
        }
        for name, some in wrong.items():
            if some:
                shown = sorted(map(str, some))[:SHOWN]
                yield f"job {job}: {len(some)} of {len(set(told))} figures {name} in MLflow: {shown}"

    def ended(self, job: str) -> bool:
        return [run["info"]["status"] for run in self._runs(job)] == ["FINISHED"]

    def _runs(self, job: str) -> list[Mapping[str, Any]]:
        experiments = self._ask("GET", "experiments/search", params={"max_results": 1000})["experiments"]
        ids = [each["experiment_id"] for each in experiments]
        query = {"experiment_ids": ids, "filter": f"tags.`vistory.job_id` = '{job}'", "max_results": 100}
        found: list[Mapping[str, Any]] = self._ask("POST", "runs/search", json=query).get("runs", [])
        return found

    def _figures(self, run: Mapping[str, Any], keys: set[str]) -> Iterator[Figure]:
        for key in keys:
            asked = {"run_id": run["info"]["run_id"], "metric_key": key, "max_results": 20_000}
            for each in self._ask("GET", "metrics/get-history", params=asked).get("metrics", []):
                yield key, int(each["step"]), float(each["value"])

    def _ask(self, method: str, path: str, **rest: Any) -> Any:
        with httpx.Client(trust_env=False, timeout=60.0) as client:
            return client.request(method, f"{self.url}/api/2.0/mlflow/{path}", **rest).raise_for_status().json()


def epoch_figures(events: Sequence[Stored]) -> Iterator[Figure]:
    """Of epochs, and what the test side said at the end, at the best epoch."""
    for event in events:
        step = {"training_job.epoch_completed": "epoch", "training_job.completed": "best_epoch"}.get(event.topic)
        for name, value in event.data["metrics"].items() if step else ():
            yield name, event.data[str(step)], float(value)


def batch_figures(messages: Sequence[Message]) -> Iterator[Figure]:
    for message in messages:
        if message["kind"] == "batch":
            for name, value in message["metrics"].items():
                step = (message["epoch"] - 1) * message["batches"] + message["batch"]
                yield f"batch/{name}", step, float(value)


class Place(NamedTuple):
    attempt: int
    n: int
    version: int


def socket_faults(who: str, heard: Sequence[Message], told: Sequence[Message]) -> Iterator[str]:
    """Cursors only go up; points and states are those that everybody is told, in order and once."""
    cursors = [place(message) for message in heard if message["kind"] != "end"]
    if cursors != sorted(set(cursors)):
        yield f"{who}: cursors do not only go up"
    for kind, same in (("points", is_point), ("states", is_state)):
        mine, everybodys = ([content(m) for m in each if same(m)] for each in (heard, told))
        if mine != everybodys:
            first = next((n for n, (a, b) in enumerate(zip(mine, everybodys, strict=False)) if a != b), "the end")
            yield f"{who}: {len(mine)} {kind} came of {len(everybodys)}; they differ from number {first} on"


def told_in_time(heard: Sequence[Message], told: Sequence[Message]) -> list[Message]:
    """Cursors only go up: of each attempt but the last, what came before anything of the next."""
    points = [place(message) for message in heard if is_point(message)]
    reached = {each.attempt: each.n for each in points}
    last = max(reached, default=0)
    return [
        m for m in told if not is_point(m) or place(m).attempt == last or place(m).n <= reached.get(place(m).attempt, 0)
    ]


def is_state(message: Message) -> bool:
    """Of the job, from the ledger; a worker tells its own without a status."""
    return "status" in message and message["kind"] == "state"


def is_point(message: Message) -> bool:
    return "status" not in message


def content(message: Message) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "cursor"}


def place(message: Message) -> Place:
    return Place(*map(int, message["cursor"].split(".")))


def parked_faults(url: str) -> Iterator[str]:
    with psycopg.connect(url) as connection:
        for consumer, position, reason in connection.execute("SELECT consumer, position, reason FROM work.parked"):
            yield f"parked: {consumer} at {position}: {reason[:200]}"
