import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from nats.aio.msg import Msg
from sqlalchemy import text

from domain.model import Recorded
from domain.person import Person
from infra import bus
from infra.batch import publish_batch
from infra.comparison import compare_rebuild
from infra.event_feed import EventFeed
from infra.logs import is_ready
from infra.projector import Projector
from infra.published import pack
from infra.reading import NotThereYet, ReadModelStopped, engine_for
from infra.rebuild import rebuild
from infra.tables import folded_by, furnish
from projections import PROJECTIONS
from projections.audit import list_entries
from projections.experiment import find_experiment
from projections.lineage import find_lineage
from projections.membership import find_member_of_person, list_members
from projections.project import find_project, list_projects
from projections.run import list_runs
from projections.training_job import list_jobs
from tests.commands.conftest import ACME, ANN, BEN
from tests.commands.test_experiment import BASELINE
from tests.commands.test_project import CELLS
from tests.infra.projecting import NAMES, Scene, poisoned, projector_process, scene, until
from tests.projections.history import ELSEWHERE, everything, recorded
from tests.servers import Databases, Servers


@pytest.fixture(scope="module")
def history() -> list[Recorded]:
    return recorded(everything())


@pytest.fixture
def at(servers: Servers, fresh_database: Callable[..., Databases]) -> Iterator[Scene]:
    with servers.fresh_nats() as nats, scene(servers, fresh_database(), nats) as ready:
        yield ready


def test_live_tables_are_what_a_rebuild_makes(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        head = at.tell(history)
        await at.publish()
        async with at.projecting() as projector:
            await at.reached(head)
        assert projector.counters.holes == 0

    asyncio.run(story())
    compared = compare_rebuild(at.core)
    assert compared.differences == ()
    assert set(compared.positions.values()) == {len(history)}
    assert compared.rows["audit_entries"] == len(history)


def test_a_rebuild_in_parts_by_several_processes_makes_the_same_tables(
    at: Scene, history: Sequence[Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = at.tell(history)
    whole = rebuild(at.core)
    monkeypatch.setattr("infra.refold.PIECE", len(history) // 12)
    compared = compare_rebuild(at.core)
    assert compared.differences == ()
    assert set(compared.positions.values()) == {head}
    assert sum(compared.rows.values()) == whole.rows == rebuild(at.core).rows


def test_one_event_at_a_time_gives_the_same(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        async with at.projecting():
            for position, event in enumerate(history[:30], 1):
                at.tell([event])
                await at.publish(position - 1)
                await at.reached(position)

    asyncio.run(story())
    assert compare_rebuild(at.core).differences == ()


def test_a_lone_event_is_seen_at_once(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> list[float]:
        seconds = []
        async with at.projecting():
            at.tell(history[:20])
            await at.publish()
            await at.reached(20)
            for position in range(21, 31):
                began = time.perf_counter()
                at.tell([history[position - 1]])
                await at.publish(position - 1)
                await at.reached(position)
                seconds.append(time.perf_counter() - began)
        return seconds

    assert sorted(asyncio.run(story()))[5] < 0.5


def test_what_is_delivered_again_changes_nothing(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        head = at.tell(history)
        await at.publish()
        async with at.projecting() as projector:
            await at.reached(head)
            client = await bus.connect(at.nats.url("projector"))
            feed = await EventFeed.open(client, 0)
            again = [message for _ in range(2) for message in await feed.next()]
            assert again
            before = projector.counters.events
            await asyncio.to_thread(projector.take, again)
            assert projector.counters.events == before
            await feed.close()
            await client.close()

    asyncio.run(story())
    assert compare_rebuild(at.core).differences == ()


def test_two_projectors_do_no_harm(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        async with at.projecting(), at.projecting():
            for start in range(0, len(history), 3):
                at.tell(history[start : start + 3])
                await at.publish(start)
            await at.reached(len(history))

    asyncio.run(story())
    assert compare_rebuild(at.core).differences == ()


def test_a_poison_event_stops_one_read_model_and_says_so(at: Scene, history: Sequence[Recorded]) -> None:
    bad = next(recorded.position for recorded in history if recorded.topic == "project.renamed")

    async def story() -> None:
        head = at.tell(history)
        await at.publish()
        async with at.projecting(poisoned("project", lambda recorded: recorded.position == bad)):
            await until(lambda: at.position("project")[1] is not None)
            await at.reached(head, [name for name in NAMES if name != "project"])

    asyncio.run(story())
    position, stopped = at.position("project")
    assert position == bad - 1
    assert stopped is not None
    assert f"position {bad}" in stopped
    assert "ValueError at projections/" in stopped
    with pytest.raises(ReadModelStopped):
        at.reading.wait_until(["project"], bad)
    asyncio.run(started_again(at, "project", len(history)))
    assert compare_rebuild(at.core).differences == ()


def test_a_row_that_the_database_refuses_stops_one_read_model_and_says_why(
    at: Scene, history: Sequence[Recorded]
) -> None:
    bad = next(recorded.position for recorded in history if recorded.topic == "project.renamed")
    refused = poisoned("project", lambda recorded: recorded.position == bad, lambda row: {**row, "name": "a\0b"})

    async def story() -> None:
        head = at.tell(history)
        await at.publish()
        async with at.projecting(refused):
            await until(lambda: at.position("project")[1] is not None)
            await at.reached(head, [name for name in NAMES if name != "project"])

    asyncio.run(story())
    position, stopped = at.position("project")
    assert position == bad - 1
    assert stopped is not None
    assert f"position {bad}" in stopped
    assert "CharacterNotInRepertoire" in stopped
    asyncio.run(started_again(at, "project", len(history)))
    assert compare_rebuild(at.core).differences == ()


def test_what_stopped_a_read_model_is_told_without_the_row(
    at: Scene, history: Sequence[Recorded], caplog: pytest.LogCaptureFixture
) -> None:
    """What is logged, or stands in this table, no erasure takes away."""
    bad = next(recorded for recorded in history if recorded.topic == "person.registered")
    refused = poisoned("membership", lambda each: each.position == bad.position, lambda row: {**row, "operator": None})
    head = at.tell(history[: bad.position])

    async def story() -> None:
        await at.publish()
        async with at.projecting(refused):
            await until(lambda: at.position("membership")[1] is not None)
            await at.reached(head, [name for name in NAMES if name != "membership"])

    asyncio.run(story())
    told = f"{at.position('membership')[1]} {caplog.text}"
    assert 'NotNullViolation: 23502 null value in column "operator"' in told
    assert isinstance(bad.event, Person.Registered)
    assert str(bad.event.email) not in told
    assert str(bad.event.full_name) not in told


def test_a_projector_whose_connections_are_cut_goes_on(at: Scene, history: Sequence[Recorded]) -> None:
    engine = engine_for(at.databases.app_url, pre_ping=False, application_name="cut")
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cut'"

    async def story() -> None:
        async with replace(at, engine=engine).projecting() as projector:
            for position, event in enumerate(history[:12], 1):
                at.tell([event])
                if position % 4 == 0:
                    with psycopg.connect(at.databases.app_url) as connection:
                        assert connection.execute(cut).rowcount
                await at.publish(position - 1)
                await at.reached(position)
        assert projector.counters.errors > 0

    asyncio.run(story())
    engine.dispose()
    assert {at.position(name) for name in NAMES} == {(12, None)}
    assert compare_rebuild(at.core).differences == ()


async def started_again(at: Scene, name: str, head: int) -> None:
    async with at.projecting():
        await until(lambda: at.position(name) == (head, None))


def test_a_read_model_that_stopped_goes_on_after_a_rebuild(at: Scene, history: Sequence[Recorded]) -> None:
    poison = [True]

    async def story() -> None:
        head = at.tell(history[:-1])
        await at.publish()
        async with at.projecting(poisoned("dataset", lambda _: poison[0])):
            await until(lambda: at.position("dataset")[1] is not None)
            poison[0] = False
            await asyncio.to_thread(rebuild, at.core, ["dataset"])
            assert at.position("dataset") == (head, None)
            at.tell(history[-1:])
            await at.publish(head)
            await at.reached(head + 1)

    asyncio.run(story())
    assert compare_rebuild(at.core).differences == ()


def test_what_nobody_can_read_stops_every_read_model_right_before_it(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        at.tell(history[:5])
        head, rows = at.core.store.head(), at.core.store.read(0, 5)
        broken = rows[3]._replace(stored=rows[3].stored._replace(topic="project.exploded"))
        client = await bus.connect(at.nats.url("admin"))
        await publish_batch(client, [pack(row, head) for row in (*rows[:3], broken, rows[4])], 0)
        await client.close()
        async with at.projecting():
            await until(lambda: all(at.position(name)[1] for name in NAMES))

    asyncio.run(story())
    assert {at.position(name)[0] for name in NAMES} == {3}


def test_a_read_model_ahead_of_its_ledger_says_so(at: Scene, history: Sequence[Recorded]) -> None:
    """As after the ledger alone was restored from a backup."""
    at.tell(history[:10])
    rebuild(at.core)
    with at.engine.begin() as tx:
        tx.execute(text("UPDATE work.positions SET position = 12 WHERE consumer = 'projection:project'"))
    projector = Projector.of(at.core.store, at.core.mapper, at.engine, PROJECTIONS)
    projector.begin()
    position, stopped = at.position("project")
    assert position == 12
    assert stopped is not None
    assert "rebuild" in stopped
    rebuild(at.core, ["project"])
    projector.revive()
    assert at.position("project") == (10, None)
    assert not [each.projection.name for each in projector.live if each.stopped]


async def all_stopped(at: Scene, why: str) -> None:
    """Whoever waits for all of them is told of the first."""
    await until(lambda: all(why in (at.position(name)[1] or "") for name in NAMES))


def test_an_event_of_another_generation_stops_every_read_model_right_before_it(
    at: Scene, history: Sequence[Recorded]
) -> None:
    async def story() -> None:
        head = at.tell(history[:8])
        await at.publish(upto=5)
        async with at.projecting():
            await at.reached(5)
            await at.publish(5, generation=99)
            with pytest.raises(ReadModelStopped):
                await at.reached(head)
            await all_stopped(at, "ForeignEvent")

    asyncio.run(story())
    assert {at.position(name)[0] for name in NAMES} == {5}


def test_what_a_restored_store_does_not_know_is_not_projected_and_what_it_writes_anew_is(
    at: Scene, history: Sequence[Recorded]
) -> None:
    async def story() -> None:
        at.tell(history[:5])
        await at.publish()
        await at.publish_lost(after=5)
        async with at.projecting():
            with pytest.raises(ReadModelStopped):
                await at.reached(6)
            await all_stopped(at, "ahead of the store")
            head = at.tell(history[5:9])
            with pytest.raises(ReadModelStopped):
                await at.reached(6)
            await all_stopped(at, "ahead of the store")
            assert {at.position(name)[0] for name in NAMES} == {0}
            await at.begin_generation()
            await at.publish()
            await until(lambda: {at.position(name) for name in NAMES} == {(head, None)})

    asyncio.run(story())
    assert compare_rebuild(at.core).differences == ()


def test_read_models_go_on_by_themselves_when_a_foreign_message_is_gone(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        head = at.tell(history[:8])
        await at.publish(upto=5)
        async with at.projecting():
            await at.reached(5)
            await at.publish_foreign()
            with pytest.raises(ReadModelStopped):
                await at.reached(head)
            await all_stopped(at, "ForeignEvent")
            await at.rebuild_stream()
            await at.publish()
            await until(lambda: {at.position(name) for name in NAMES} == {(head, None)})

    asyncio.run(story())


def test_a_hole_in_the_stream_is_filled_from_the_store(at: Scene, history: Sequence[Recorded]) -> None:
    async def delivered() -> list[Msg]:
        client = await bus.connect(at.nats.url("projector"))
        feed = await EventFeed.open(client, 0)
        messages: list[Msg] = []
        while len(messages) < len(history):
            messages += await feed.next()
        await client.close()
        return messages

    at.tell(history)
    asyncio.run(at.publish())
    messages = asyncio.run(delivered())
    projector = Projector.of(at.core.store, at.core.mapper, at.engine, PROJECTIONS)
    projector.begin()
    projector.take(messages[:10])
    projector.take(messages[20:])
    assert (projector.counters.holes, projector.counters.events) == (1, len(history))
    at.reading.wait_until(NAMES, len(history))
    assert compare_rebuild(at.core).differences == ()


def test_a_rebuild_swaps_while_people_read(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        head = at.tell(history)
        await at.publish()
        async with at.projecting():
            await at.reached(head)
            with at.reading.transaction() as tx:
                entries = len(list_entries(tx, ACME, viewer=None, limit=1_000).items)
            reading = asyncio.create_task(asyncio.to_thread(read_often, at, stop, entries))
            try:
                for _ in range(3):
                    rebuilt = await asyncio.to_thread(rebuild, at.core)
                    assert (rebuilt.position, set(rebuilt.projections)) == (head, set(NAMES))
            finally:
                stop.set()
            assert await reading > 10

    stop = asyncio.Event()
    asyncio.run(story())
    assert compare_rebuild(at.core).differences == ()


def read_often(at: Scene, stop: asyncio.Event, entries: int) -> int:
    """Two tables in one transaction, over and over: never an error, never nothing."""
    times = 0
    while not stop.is_set():
        with at.reading.transaction() as tx:
            assert find_project(tx, ACME, CELLS) is not None
            assert len(list_entries(tx, ACME, viewer=None, limit=1_000).items) == entries
        times += 1
    return times


def test_events_that_come_during_a_rebuild_are_in_it(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        at.tell(history[:20])
        await at.publish()
        async with at.projecting():
            rebuilding = asyncio.create_task(asyncio.to_thread(rebuild, at.core))
            for position, event in enumerate(history[20:], 21):
                at.tell([event])
                await at.publish(position - 1)
            await rebuilding
            await at.reached(len(history))

    asyncio.run(story())
    assert compare_rebuild(at.core).differences == ()


def test_after_erasures_two_rebuilds_are_equal_and_only_names_are_gone(at: Scene, history: Sequence[Recorded]) -> None:
    async def story() -> None:
        head = at.tell(history)
        await at.publish()
        async with at.projecting():
            await at.reached(head)

    asyncio.run(story())
    for person in (ANN, BEN):
        at.core.keys.erase(person)
    differences = compare_rebuild(at.core).differences
    assert {difference.table for difference in differences} == {"people", "audit_people", "audit_entries"}
    for difference in differences:
        assert difference.rebuilt is not None
        assert difference.columns() <= {"email", "full_name", "address", "agent"}
        assert {difference.rebuilt[name] for name in difference.columns()} == {"[erased]"}
    rebuild(at.core)
    assert compare_rebuild(at.core).differences == ()
    with at.reading.transaction() as tx:
        ben = find_member_of_person(tx, ACME, BEN)
        assert ben is not None
        assert ben.full_name == "[erased]"
        assert list_entries(tx, ACME, viewer=None, actor_id=ANN).items[0].actor_name == "[erased]"
        read = list_entries(tx, ACME, viewer=None, entity_type="person", limit=1_000).items
        calling = [row.changes.get(name) for row in read if row.entity_id == ANN for name in ("full_name", "email")]
        assert [each["new"] for each in calling if each] == ["[erased]"] * 2


def test_the_queries_answer_within_their_own_walls(at: Scene, history: Sequence[Recorded]) -> None:
    at.tell(history)
    rebuild(at.core)
    with at.reading.transaction() as tx:
        assert find_project(tx, ACME, ELSEWHERE) is None
        assert [row.name for row in list_projects(tx, ACME).items] == ["shared", "blood cells"]
        assert {row.full_name for row in list_members(tx, ACME).items} == {"Ann", "Ben", "Dan", "Hal"}
        experiment = find_experiment(tx, ACME, BASELINE, viewer=None)
        assert experiment is not None
        assert (experiment.num_runs, experiment.num_completed_runs) == (4, 1)
        assert experiment.best_metrics == {"mAP50": 0.9}
        assert len(list_runs(tx, ACME, BASELINE, viewer=None).items) == 4
        job = list_jobs(tx, ACME, viewer=None, project_id=CELLS).items[-1]
        assert job.model_id is not None
        lineage = find_lineage(tx, ACME, job.model_id, named=True, viewer=None)
        assert lineage is not None
        assert lineage.owner is not None
        assert lineage.owner.full_name == "Ann"
        assert [attempt.status for attempt in lineage.attempts] == ["lost", "completed"]


def test_a_page_begins_where_the_last_one_ended(at: Scene, history: Sequence[Recorded]) -> None:
    at.tell(history)
    rebuild(at.core)
    with at.reading.transaction() as tx:
        whole = list_entries(tx, ACME, viewer=None, noisy=True, limit=1_000)
        assert whole.next is None
        pages, after = [], None
        while True:
            page = list_entries(tx, ACME, viewer=None, noisy=True, after=after, limit=7)
            pages += page.items
            if (after := page.next) is None:
                break
        assert pages == whole.items
        assert [row.position for row in pages] == sorted((row.position for row in pages), reverse=True)
        assert all(row.description and "?" not in row.description for row in pages)
        assert not any(row.noisy for row in list_entries(tx, ACME, viewer=None).items)
        of_project = list_entries(tx, ACME, viewer=None, project_id=CELLS, noisy=True, limit=1_000).items
        assert {"training_job.epoch_completed", "project.renamed"} <= {row.topic for row in of_project}


def test_a_wait_has_an_end(at: Scene) -> None:
    with pytest.raises(NotThereYet):
        at.reading.wait_until(["project"], 1, timeout=0.05)


def test_the_process_says_when_it_is_ready_and_ends_when_told(
    at: Scene, servers: Servers, history: Sequence[Recorded], tmp_path: Path
) -> None:
    at.tell(history)
    asyncio.run(at.publish())
    with projector_process(at, servers, tmp_path) as process:
        assert process.stdout is not None
        assert is_ready(process.stdout.readline().encode())
        at.reading.wait_until(NAMES, len(history), timeout=20)
        process.terminate()
        assert process.wait(timeout=5) == 0
    assert compare_rebuild(at.core).differences == ()


def test_tables_of_another_shape_are_made_anew_at_the_start(at: Scene, history: Sequence[Recorded]) -> None:
    at.tell(history)
    rebuild(at.core)
    with at.engine.begin() as tx:
        tx.execute(text("ALTER TABLE read.projects DROP COLUMN description"))
        tx.execute(text("DROP TABLE read.audit_people"))
    assert furnish(at.engine, PROJECTIONS) == ["project", "audit"]
    rebuild(at.core, ["project", "audit"])
    assert furnish(at.engine, PROJECTIONS) == []
    assert compare_rebuild(at.core).differences == ()


def test_tables_that_other_code_filled_are_made_anew_at_the_start(at: Scene, history: Sequence[Recorded]) -> None:
    at.tell(history)
    rebuild(at.core)
    with at.engine.begin() as tx:
        tx.execute(text("UPDATE read.projects SET name = 'as an older fold had it'"))
        tx.execute(text("COMMENT ON TABLE read.projects IS 'an older fold'"))
    assert furnish(at.engine, PROJECTIONS) == ["project"]
    rebuild(at.core, ["project"])
    assert furnish(at.engine, PROJECTIONS) == []
    assert compare_rebuild(at.core).differences == ()


def test_code_that_folds_otherwise_is_told_from_what_it_was(tmp_path: Path) -> None:
    for folder, text_of_it in (("old", "a = 1"), ("same", "a = 1"), ("new", "a = 2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "project.py").write_text(text_of_it)
    old, same, new = (folded_by(tmp_path / folder) for folder in ("old", "same", "new"))
    assert old == same != new


def test_the_audit_log_is_found_by_time_kind_and_action(at: Scene, history: Sequence[Recorded]) -> None:
    at.tell(history, at_once=1)
    rebuild(at.core)
    with at.reading.transaction() as tx:
        whole = list_entries(tx, ACME, viewer=None, noisy=True, limit=1_000).items
        middle = whole[len(whole) // 2].recorded_at
        earlier = list_entries(tx, ACME, viewer=None, noisy=True, end=middle, limit=1_000).items
        later = list_entries(tx, ACME, viewer=None, noisy=True, start=middle, limit=1_000).items
        assert [*later, *earlier] == whole
        assert earlier == [entry for entry in whole if entry.recorded_at < middle] != []
        assert list_entries(tx, ACME, viewer=None, end=whole[-1].recorded_at).items == []
        for name in {entry.action for entry in whole}:
            found = list_entries(tx, ACME, viewer=None, action=name, limit=1_000).items
            of_it = [entry for entry in whole if entry.action == name]
            assert found == [entry for entry in of_it if not entry.noisy] or found == of_it != []
        assert {entry.topic for entry in list_entries(tx, ACME, viewer=None, action="report").items} == {
            "training_job.epoch_completed"
        }
