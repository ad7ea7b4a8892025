"""What each user of the bus may do, and what it may not, on a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError

from infra import leases, nats_users, streams
from infra.bus import jetstream
from infra.embedded.nats import Nats, answers
from infra.leases import Key
from infra.ledger import Head
from infra.nats_users import API, DOOR, door
from tests.servers import Servers

NARROW = ["relay", "projector", "consumers", "api", "auditor", "trainer-timm"]
GUESTS = [name for name in NARROW if name != "relay"]
READERS = ["projector", "consumers", "auditor"]
STREAMS = ["EVENTS", "TELEMETRY", "PARKED", "KV_LEASES"]
CHANGES = ["UPDATE", "DELETE", "PURGE", "CREATE", "MSG.DELETE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN", "PEER.REMOVE"]
# To a consumer, whose-ever it is: sent back or ahead, held up, led by another server, taken from whom it is pinned to.
SHIFTS = ["RESET", "PAUSE", "LEADER.STEPDOWN", "UNPIN"]
EVENT = "vistory.events.org.dataset.id.registered"


@pytest.fixture(scope="module")
def bus(servers: Servers) -> Iterator[Nats]:
    with servers.fresh_nats() as fresh:
        asyncio.run(furnish(fresh))
        yield fresh


async def furnish(bus: Nats) -> None:
    async with connected(bus, "admin") as client:
        durable = streams.Durable(nats_users.trainer_durable("timm"), ("vistory.events.>",))
        await streams.declare(jetstream(client), Head(UUID(int=1), 1, 0, b""), [durable])


async def written(admin: Client, subjects: list[str]) -> int:
    """How many messages the streams have on these subjects."""
    found = 0
    for stream in STREAMS:
        for subject in subjects:
            state = (await jetstream(admin).stream_info(stream, subjects_filter=subject)).state
            found += sum((state.subjects or {}).values())
    return found


@asynccontextmanager
async def connected(bus: Nats, user: str) -> AsyncIterator[Client]:
    refused: list[Exception] = []

    async def note(error: Exception) -> None:
        refused.append(error)

    options = nats_users.connect_options(bus.url(user))
    client = await nats.connect(**options, error_cb=note)
    try:
        yield client
    finally:
        await client.close()


async def complaints(bus: Nats, user: str, act: Callable[[Client], Awaitable[object]]) -> str:
    """What the server answers on the line: it drops what is not allowed, and says so before the next answer."""
    async with connected(bus, user) as client:
        await act(client)
        # nats-py sends the PING of a flush ahead of what waits to be sent: only a second one comes after it.
        await client.flush()
        await client.flush()
        return str(client.last_error).lower()


def may_publish(bus: Nats, user: str, subject: str) -> bool:
    """Of the API of JetStream: by the door that is there for clients, or past it."""
    return any([_may_publish(bus, user, said) for said in {subject, door(subject)}])


def _may_publish(bus: Nats, user: str, subject: str) -> bool:
    complaint = asyncio.run(complaints(bus, user, lambda client: client.publish(subject, b"{}")))
    # In the account of the streams, the door leads to their API before anybody is asked.
    refused = {f'nats: permissions violation for publish to "{said}"'.lower() for said in (subject, behind(subject))}
    assert complaint in {"none", *refused}
    return complaint == "none"


def behind(subject: str) -> str:
    return subject.replace(DOOR, API, 1)


def may_subscribe(bus: Nats, user: str, subject: str) -> bool:
    complaint = asyncio.run(complaints(bus, user, lambda client: client.subscribe(subject)))
    assert complaint in ("none", f'nats: permissions violation for subscription to "{subject}"'.lower())
    return complaint == "none"


@pytest.mark.parametrize("user", NARROW)
@pytest.mark.parametrize("action", CHANGES)
def test_no_process_may_change_or_empty_a_stream(bus: Nats, user: str, action: str) -> None:
    for stream in STREAMS:
        assert not may_publish(bus, user, f"$JS.API.STREAM.{action}.{stream}")


@pytest.mark.parametrize("user", NARROW)
@pytest.mark.parametrize("action", SHIFTS)
def test_no_process_may_reset_hold_up_or_move_a_consumer(bus: Nats, user: str, action: str) -> None:
    """Nor its own."""
    for consumer in (nats_users.trainer_durable("timm"), nats_users.subscriber(1), "react-cancel", "passing"):
        assert not may_publish(bus, user, f"$JS.API.CONSUMER.{action}.EVENTS.{consumer}")


@pytest.mark.parametrize("user", [name for name in NARROW if name != "relay"])
def test_only_the_relay_publishes_events(bus: Nats, user: str) -> None:
    assert not may_publish(bus, user, EVENT)


def test_the_relay_publishes_and_reads_back_the_tail(bus: Nats) -> None:
    async def run() -> bytes | None:
        async with connected(bus, "relay") as client:
            ack = await jetstream(client).publish(EVENT, b"fact")
            return (await jetstream(client).get_msg("EVENTS", seq=ack.seq)).data

    assert asyncio.run(run()) == b"fact"


def test_a_trainer_fetches_and_acknowledges_its_own_durable(bus: Nats) -> None:
    async def run() -> bool:
        async with connected(bus, "relay") as relay:
            await jetstream(relay).publish(EVENT, b"fact")
        async with connected(bus, "trainer-timm") as client:
            durable = nats_users.trainer_durable("timm")
            pull = await jetstream(client).pull_subscribe_bind(durable, "EVENTS")
            message = (await pull.fetch(1, timeout=2))[0]
            await message.ack_sync()
            return message.data == b"fact"

    assert asyncio.run(run())


def test_a_trainer_may_not_make_consumers(bus: Nats) -> None:
    for subject in ("CREATE.EVENTS", "CREATE.EVENTS.mine", "CREATE.EVENTS.train-timm.>", "DURABLE.CREATE.EVENTS.x"):
        assert not may_publish(bus, "trainer-timm", f"$JS.API.CONSUMER.{subject}")


@pytest.mark.parametrize("user", [name for name in NARROW if name != "trainer-timm"])
@pytest.mark.parametrize("way", ["CREATE", "DURABLE.CREATE", "DELETE", "MSG.NEXT"])
def test_nobody_else_touches_the_durable_of_a_trainer(bus: Nats, user: str, way: str) -> None:
    assert not may_publish(bus, user, f"$JS.API.CONSUMER.{way}.EVENTS.{nats_users.trainer_durable('timm')}")


@pytest.mark.parametrize("user", [name for name in NARROW if name != "trainer-timm"])
def test_nobody_else_acknowledges_what_a_trainer_was_handed(bus: Nats, user: str) -> None:
    handed = "1.1.1.1700000000000000000.0"
    assert not may_publish(bus, user, f"$JS.ACK.EVENTS.{nats_users.trainer_durable('timm')}.{handed}")


def test_reactions_acknowledge_their_own(bus: Nats) -> None:
    assert may_publish(bus, "consumers", "$JS.ACK.EVENTS.react-cancel.1.1.1.1700000000000000000.0")


@pytest.mark.parametrize("user", READERS)
def test_who_reads_in_order_makes_passing_consumers(bus: Nats, user: str) -> None:
    async def run() -> int:
        async with connected(bus, user) as client:
            stream = jetstream(client)
            made = await stream.add_consumer("EVENTS", ConsumerConfig(name=f"passing-{user}", mem_storage=True))
            await stream.delete_consumer("EVENTS", made.name)
            return (await stream.stream_info("EVENTS")).state.consumer_count

    assert asyncio.run(run()) == 1


@pytest.mark.parametrize("user", ["relay", "api"])
def test_who_need_not_read_in_order_makes_no_consumer(bus: Nats, user: str) -> None:
    assert not may_publish(bus, user, "$JS.API.CONSUMER.CREATE.EVENTS.mine")


def test_a_trainer_may_not_fetch_from_the_durable_of_another(bus: Nats) -> None:
    assert not may_publish(bus, "trainer-ultralytics", "$JS.API.CONSUMER.MSG.NEXT.EVENTS.train-timm")
    assert may_publish(bus, "trainer-timm", "$JS.API.CONSUMER.INFO.EVENTS.train-timm")


@pytest.mark.parametrize("user", ["admin", *NARROW])
@pytest.mark.parametrize("subject", ["vistory.events.>", "_INBOX.>", "_INBOX_other.>", ">"])
def test_nobody_listens_in_on_events_or_on_the_inbox_of_another(bus: Nats, user: str, subject: str) -> None:
    assert not may_subscribe(bus, user, subject)
    assert may_subscribe(bus, user, f"{nats_users.inbox(user)}.mine")


def test_the_platform_asks_a_trainer_and_gets_an_answer(bus: Nats) -> None:
    async def run() -> bytes:
        async with connected(bus, "trainer-timm") as trainer, connected(bus, "consumers") as asker:
            questions = await trainer.subscribe("vistory.control.timm.job")
            for _ in range(2):  # see `complaints`
                await trainer.flush()
            answer = asyncio.create_task(asker.request("vistory.control.timm.job", b"?", timeout=2))
            await (await questions.next_msg(timeout=2)).respond(b"alive")
            return (await answer).data

    assert asyncio.run(run()) == b"alive"


@pytest.mark.parametrize("user", [name for name in NARROW if name != "trainer-timm"])
@pytest.mark.parametrize("subject", ["$KV.LEASES.timm.job.1", "vistory.telemetry.timm.org.job.1"])
def test_only_a_trainer_renews_leases_and_tells_of_trainings(bus: Nats, user: str, subject: str) -> None:
    assert not may_publish(bus, user, subject)
    assert may_publish(bus, "trainer-timm", subject)


@pytest.mark.parametrize(
    "subject",
    [
        "$KV.LEASES.ultralytics.job.1",
        "$KV.LEASES.timm",
        "$KV.LEASES.timm.job.1.more",
        "vistory.telemetry.ultralytics.org.job.1",
        "vistory.telemetry.timm.org.job",
        "vistory.control.timm.job.1",
        "vistory.parked.mail",
        "$JS.API.INFO",
        "$JS.API.STREAM.INFO.KV_LEASES",
        "$JS.API.DIRECT.GET.TELEMETRY",
        "$JS.API.STREAM.MSG.GET.EVENTS",
    ],
)
def test_a_trainer_speaks_for_its_own_framework_alone(bus: Nats, subject: str) -> None:
    assert not may_publish(bus, "trainer-timm", subject)


@pytest.mark.parametrize("subject", ["vistory.control.ultralytics.job.1", "vistory.telemetry.>", "$KV.LEASES.>"])
def test_a_trainer_hears_only_what_it_is_asked(bus: Nats, subject: str) -> None:
    assert not may_subscribe(bus, "trainer-timm", subject)


def test_a_trainer_cannot_roll_up_the_leases_of_others(bus: Nats) -> None:
    key = Key(UUID(int=1), 1)

    async def run() -> int | None:
        async with connected(bus, "trainer-ultralytics") as other, connected(bus, "trainer-timm") as trainer:
            await leases.renew(jetstream(other), "ultralytics", key, UUID(int=2))
            with pytest.raises(APIError, match="rollup not permitted"):
                await jetstream(trainer).publish("$KV.LEASES.timm.job.1", b"", headers={"Nats-Rollup": "all"})
        async with connected(bus, "consumers") as judge:
            return await leases.revision(jetstream(judge), "ultralytics", key)

    assert asyncio.run(run()) is not None


PLACES = [EVENT, "vistory.telemetry.ultralytics.o.j.1", "$KV.LEASES.ultralytics.j.1", "vistory.parked.x"]


@pytest.mark.parametrize("user", GUESTS)
def test_a_guest_cannot_have_an_answer_put_where_it_may_not_write(bus: Nats, user: str) -> None:
    """JetStream itself publishes the answer, and asks nobody whether the asker might have."""
    (guest,) = (someone for someone in nats_users.users(["timm"]) if someone.name == user)
    asked = [door(subject).replace("*", "x").replace(">", "x") for subject in guest.publish]
    places = PLACES[:-1] if user == "consumers" else PLACES

    async def run() -> tuple[int, int]:
        async with connected(bus, "admin") as admin, connected(bus, "relay") as relay, connected(bus, user) as client:
            for _ in places:
                await jetstream(relay).publish(EVENT, b"fact")
            before = await written(admin, places)
            for place in places:
                for subject in asked:
                    await client.publish(subject, b"", reply=place)
            await client.request(asked[0], b"", timeout=2)
            return before, await written(admin, places)

    before, after = asyncio.run(run())
    assert after == before


@pytest.mark.parametrize("user", READERS)
def test_who_makes_consumers_cannot_have_them_write(bus: Nats, user: str) -> None:
    """A consumer may push what it delivers onto any subject of the account that has the streams."""
    targets = [*PLACES[1:], f"{API}.STREAM.DELETE.PARKED", f"{API}.CONSUMER.DELETE.EVENTS.train-timm"]

    async def run() -> tuple[int, int]:
        async with connected(bus, "admin") as admin, connected(bus, "relay") as relay, connected(bus, user) as client:
            with pytest.raises(APIError, match="cycle"):
                await jetstream(client).add_consumer("EVENTS", pushing("to-events", EVENT))
            for number, target in enumerate(targets):
                await jetstream(client).add_consumer("EVENTS", pushing(f"to-{number}", target))
            before = await written(admin, PLACES)
            await jetstream(relay).publish(EVENT, b"fact")
            pushed = [info for info in await jetstream(admin).consumers_info("EVENTS") if info.config.deliver_subject]
            assert pushed
            assert not any(info.delivered.consumer_seq for info in pushed if info.delivered)
            assert await jetstream(admin).consumer_info("EVENTS", "train-timm")
            return before, await written(admin, PLACES)

    before, after = asyncio.run(run())
    assert after == before + 1


def pushing(name: str, target: str) -> ConsumerConfig:
    return ConsumerConfig(name=name, deliver_subject=target, headers_only=True, ack_policy=AckPolicy.NONE)


def test_a_wrong_password_is_refused(bus: Nats) -> None:
    assert answers(bus.port, "relay", bus.password("relay"))
    assert not answers(bus.port, "relay", bus.password("api"))


@pytest.mark.parametrize("user", [name for name in NARROW if name != nats_users.KEEPER])
def test_only_who_keeps_the_door_hears_who_knocks_and_sends_somebody_away(bus: Nats, user: str) -> None:
    assert not may_subscribe(bus, user, nats_users.ASKED_AT)
    for subject in (nats_users.CONNECTED_AT, nats_users.KICKED_AT.replace("*", "S")):
        assert not may_publish(bus, user, subject)


@pytest.mark.parametrize("user", [name for name in NARROW if name != nats_users.KEEPER])
@pytest.mark.parametrize("way", ["CREATE", "DURABLE.CREATE", "DELETE", "MSG.NEXT"])
def test_nobody_else_touches_the_durable_of_a_subscriber(bus: Nats, user: str, way: str) -> None:
    for place in (1, nats_users.PLACES):
        assert not may_publish(bus, user, f"$JS.API.CONSUMER.{way}.EVENTS.{nats_users.subscriber(place)}")


def test_who_is_in_no_list_is_let_in_by_nobody_while_nobody_answers(bus: Nats) -> None:
    assert not answers(bus.port, "exporter", "vst_00000000_secret")
