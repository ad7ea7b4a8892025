"""Downstream systems on the bus: each hears its organization and nobody else, and no longer than it may."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from threading import Event, Thread
from typing import Any, Final

import nats as client_library
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from consumers import subscribers
from consumers.relay import Relay
from consumers.subscribers import Door, Doorkeeper
from infra import bus, streams
from infra.bus_pass import Issuer, Knock
from infra.cancelling import cancel_and_wait
from infra.config import Settings
from infra.embedded.nats import Nats, answers
from infra.embedded.ports import HOST
from infra.nats_users import API, DOOR, PLACES
from infra.subscribers import Subscriber
from infra.wiring import Core
from tests.api.visitor import Visitor

SOON: Final = 15.0


@pytest.fixture(scope="module", autouse=True)
def _open_bus(settings: Settings, nats: Nats) -> Iterator[None]:
    """A relay and whoever keeps the door, both real, beside the API."""
    stop, ready = Event(), Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subscribers, "LOOKED_EVERY", 0.2)
        patch.setattr(subscribers, "TOLD_WITHIN", 0.3)
        patch.setattr(subscribers, "QUIET_FOR", 1.0)
        patch.setattr(subscribers, "MOST_WAITING", 50)
        thread = Thread(target=lambda: asyncio.run(_serve(settings, nats, ready, stop)))
        thread.start()
        assert ready.wait(SOON)
        yield
        stop.set()
        thread.join()


async def _serve(settings: Settings, nats: Nats, ready: Event, stop: Event) -> None:
    with Core.open(settings) as core:
        admin, relay, keeper = [await bus.connect(nats.url(user)) for user in ("admin", "relay", "consumers")]
        await streams.declare(bus.jetstream(admin), core.store.head(), [])
        doorkeeper = Doorkeeper(keeper, Door.of(core, Issuer.of(nats.password("consumers"))))
        works = (Relay(core.store, relay, lambda position, stopped: None).run, doorkeeper.answer, doorkeeper.watch)
        tasks = [asyncio.create_task(work()) for work in works]
        await keeper.flush()
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in tasks), [task.exception() for task in tasks if task.done()]
        await cancel_and_wait(*tasks)
        for each in (admin, relay, keeper):
            await each.close()


@asynccontextmanager
async def knocking(nats: Nats, token: str | None) -> AsyncIterator[Client]:
    """Only once, as whoever carries the token."""

    async def silence(error: Exception) -> None:
        pass

    client = await client_library.connect(
        f"nats://{HOST}:{nats.port}", user="exporter", password=str(token), allow_reconnect=False, error_cb=silence
    )
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def connecting(nats: Nats, password: str) -> AsyncIterator[None]:
    """As far as the door, whether or not anybody answers."""
    reader, writer = await asyncio.open_connection(HOST, nats.port)
    await reader.readline()
    writer.write(b'CONNECT {"verbose":false,"user":"exporter","pass":"%s"}\r\nPING\r\n' % password.encode())
    await writer.drain()
    try:
        yield
    finally:
        writer.close()


def is_let_in(nats: Nats, token: str | None) -> bool:
    return answers(nats.port, "exporter", str(token))


def subscribed(admin: Visitor, since: str = "beginning") -> Visitor:
    """A service account that may subscribe, and its token for audit."""
    program = admin.service("guest", "audit")
    admin.post(f"/service-accounts/{program.id}/subscription", {"since": since})
    return program


async def fetched(client: Client, consumer: str, *, ack: bool = True, quiet: float = 1.0) -> list[Msg]:
    """All that comes until nothing does."""
    pull = await client.jetstream(prefix=DOOR).pull_subscribe_bind(consumer, streams.EVENTS)
    found: list[Msg] = []
    with suppress(TimeoutError):
        while messages := await pull.fetch(50, timeout=quiet):
            found += messages
            for message in messages if ack else ():
                await message.ack_sync(timeout=2)
    return found


def place_of(admin: Visitor, program: Visitor) -> dict[str, Any]:
    found: dict[str, Any] = admin.get(f"/service-accounts/{program.id}/subscription")
    return found


def heard(nats: Nats, admin: Visitor, program: Visitor, **how: Any) -> list[Msg]:
    consumer = place_of(admin, program)["consumer"]

    async def listen() -> list[Msg]:
        async with knocking(nats, program.token) as client:
            return await fetched(client, consumer, **how)

    return asyncio.run(listen())


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.1)


async def on_stream(nats: Nats) -> int:
    client = await bus.connect(nats.url("admin"))
    try:
        return (await bus.jetstream(client).stream_info(streams.EVENTS)).state.messages
    finally:
        await client.close()


def position_of(message: Msg) -> int:
    return message.metadata.sequence.stream


def test_it_hears_all_of_its_organization_in_order_and_nothing_else(
    founder: Callable[[], Visitor], bob: Visitor, nats: Nats
) -> None:
    admin = founder()
    program = subscribed(admin)
    bob.post("/projects", {"name": "elsewhere"})
    id = admin.post("/projects", {"name": "P"})["id"]
    reached = int(admin.seen.rpartition(":")[2])
    messages: list[Msg] = []

    def heard_all() -> bool:
        messages.extend(heard(nats, admin, program))
        return position_of(messages[-1]) >= reached

    until(heard_all)
    assert {message.subject.split(".")[2] for message in messages} == {admin.organization}
    positions = [position_of(message) for message in messages]
    assert positions == sorted(set(positions))
    kinds = [message.subject.split(".", 3)[3] for message in messages]
    assert kinds[0].startswith("organization.")
    assert f"project.{id}.created" in kinds


def test_it_goes_on_after_what_it_acknowledged(founder: Callable[[], Visitor], nats: Nats) -> None:
    admin = founder()
    program = subscribed(admin)
    first = {position_of(message) for message in heard(nats, admin, program)}
    admin.post("/projects", {"name": "P"})
    messages: list[Msg] = []

    def heard_more() -> bool:
        messages.extend(heard(nats, admin, program))
        return any(".project." in message.subject for message in messages)

    until(heard_more)
    assert not {position_of(message) for message in messages} & first


def test_one_from_now_on_hears_nothing_of_the_past(founder: Callable[[], Visitor], nats: Nats) -> None:
    admin = founder()
    program = subscribed(admin, since="now")
    admin.post("/projects", {"name": "P"})
    messages: list[Msg] = []

    def heard_any() -> bool:
        messages.extend(heard(nats, admin, program))
        return bool(messages)

    until(heard_any)
    assert not any(".founded" in message.subject or ".registered" in message.subject for message in messages)


def test_where_it_stands_is_kept_and_a_lost_durable_goes_on_there(founder: Callable[[], Visitor], nats: Nats) -> None:
    admin = founder()
    program = subscribed(admin)
    last = position_of(heard(nats, admin, program)[-1])
    until(lambda: place_of(admin, program)["position"] >= last)
    consumer = place_of(admin, program)["consumer"]

    async def lose() -> None:
        client = await bus.connect(nats.url("admin"))
        await bus.jetstream(client).delete_consumer(streams.EVENTS, consumer)
        await client.close()

    asyncio.run(lose())
    admin.post("/projects", {"name": "P"})
    messages: list[Msg] = []

    def goes_on() -> bool:
        with suppress(NotFoundError, NatsError):
            messages.extend(heard(nats, admin, program))
        return bool(messages)

    until(goes_on)
    assert all(position_of(message) > last for message in messages)


def test_whoever_subscribes_again_at_once_begins_where_it_asked_to(founder: Callable[[], Visitor], nats: Nats) -> None:
    admin = founder()
    program = subscribed(admin)
    first = heard(nats, admin, program)
    place = f"/service-accounts/{program.id}/subscription"
    for since in ("beginning", "now"):
        assert admin("DELETE", place).is_success
        admin.post(place, {"since": since})
        admin.post("/projects", {"name": since})
        messages: list[Msg] = []

        def heard_of_project(messages: list[Msg] = messages) -> bool:
            messages.extend(heard(nats, admin, program))
            return any(".project." in message.subject for message in messages)

        until(heard_of_project)
        begun = position_of(messages[0]) == position_of(first[0])
        assert begun is (since == "beginning")


def test_a_knock_that_takes_long_keeps_no_other_one_waiting(
    ann: Visitor, nats: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, go_on, judge = subscribed(ann), Event(), Door.judge

    def slow(self: Door, knock: Knock) -> tuple[bytes, Subscriber | None]:
        if knock.password == "slow":
            go_on.wait(SOON)
        return judge(self, knock)

    async def run() -> bool:
        async with connecting(nats, "slow"):
            return await asyncio.to_thread(is_let_in, nats, program.token)

    monkeypatch.setattr(Door, "judge", slow)
    try:
        assert asyncio.run(run())
    finally:
        go_on.set()


def test_many_who_knock_at_once_are_all_answered(ann: Visitor, nats: Nats) -> None:
    program = subscribed(ann)
    tokens = [program.token, f"{program.token}x"] * 20

    async def run() -> list[bool]:
        return await asyncio.gather(*(asyncio.to_thread(is_let_in, nats, token) for token in tokens))

    assert asyncio.run(run()) == [True, False] * 20


def test_whom_a_swamped_door_does_not_hear_is_let_in_later(
    ann: Visitor, nats: Nats, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program, go_on, judge = subscribed(ann), Event(), Door.judge

    def slow(self: Door, knock: Knock) -> tuple[bytes, Subscriber | None]:
        go_on.wait(SOON)
        return judge(self, knock)

    async def run() -> bool:
        swamp = subscribers.ANSWERED_AT_ONCE + subscribers.MOST_WAITING
        async with AsyncExitStack() as stack:
            for _ in range(swamp):
                await stack.enter_async_context(connecting(nats, "many"))
            return await asyncio.to_thread(is_let_in, nats, program.token)

    monkeypatch.setattr(Door, "judge", slow)
    try:
        assert not asyncio.run(run())
    finally:
        go_on.set()
    assert "more than" in caplog.text
    until(lambda: is_let_in(nats, program.token))


def test_who_did_not_subscribe_is_not_let_in(ann: Visitor, nats: Nats) -> None:
    program = subscribed(ann)
    other = ann.post(f"/service-accounts/{program.id}/tokens", {"name": "reader", "scopes": ["read", "write"]})["token"]
    assert is_let_in(nats, program.token)
    for token in (other, ann.service("manager", "audit").token, ann.program("audit").token, ann.token, "", "vst_"):
        assert not is_let_in(nats, token)
    assert not is_let_in(nats, f"{program.token}x")


@pytest.mark.parametrize(
    ("method", "path", "again"),
    [
        ("POST", "/service-accounts/{id}/disable", True),
        ("DELETE", "/service-accounts/{id}/subscription", False),
        ("DELETE", "/service-accounts/{id}", False),
        ("DELETE", "/service-accounts/{id}/tokens/{token}", False),
    ],
)
def test_who_may_not_any_more_is_sent_away_and_not_let_in(
    ann: Visitor, nats: Nats, method: str, path: str, again: bool
) -> None:
    program = subscribed(ann)
    (token,) = ann.get(f"/service-accounts/{program.id}/tokens")["items"]

    async def stay() -> float:
        async with knocking(nats, program.token) as client:
            ended = path.format(id=program.id, token=token["id"])
            assert (await asyncio.to_thread(ann, method, ended, {} if method == "POST" else None)).is_success
            begun = time.monotonic()
            while client.is_connected:
                assert time.monotonic() - begun < SOON, "it is still there"
                await asyncio.sleep(0.05)
            return time.monotonic() - begun

    assert asyncio.run(stay()) < SOON
    assert not is_let_in(nats, program.token)
    if again:
        ann.post(f"/service-accounts/{program.id}/enable")
        assert is_let_in(nats, program.token)


def refusals(nats: Nats, program: Visitor, act: Callable[[Client], Coroutine[Any, Any, object]]) -> str:
    async def run() -> str:
        async with knocking(nats, program.token) as client:
            await act(client)
            await client.flush()
            await client.flush()
            return str(client.last_error).lower()

    return asyncio.run(run())


@pytest.mark.parametrize("subject", [">", "vistory.>", "vistory.events.>", "$SYS.>", "$JS.>", "$KV.>", "_INBOX_api.>"])
def test_it_may_subscribe_to_nothing_but_its_inbox(ann: Visitor, nats: Nats, subject: str) -> None:
    program = subscribed(ann)
    assert "permissions violation" in refusals(nats, program, lambda client: client.subscribe(subject))
    assert refusals(nats, program, lambda client: client.subscribe("_INBOX.mine")) == "none"


def test_it_may_publish_nothing_but_what_fetches_its_own(ann: Visitor, nats: Nats) -> None:
    program = subscribed(ann)
    own = place_of(ann, program)["consumer"]
    others = [f"subscriber-{place}" for place in range(1, PLACES + 1) if f"subscriber-{place}" != own][:2]
    theirs = [
        f"{way}.{streams.EVENTS}.{name}"
        for name in (*others, "train-timm", "*")
        for way in ("CONSUMER.INFO", "CONSUMER.MSG.NEXT", "CONSUMER.DELETE", "CONSUMER.CREATE")
    ]
    ways = [*theirs, f"CONSUMER.DELETE.EVENTS.{own}", f"CONSUMER.CREATE.EVENTS.{own}", "STREAM.INFO.EVENTS"]
    ways += ["STREAM.MSG.GET.EVENTS", "DIRECT.GET.EVENTS", "INFO", "STREAM.NAMES", "STREAM.PURGE.EVENTS"]
    acks = [f"$JS.ACK.EVENTS.{name}.1.1.1.1700000000000000000.0" for name in others]
    plain = [f"vistory.events.{ann.organization}.project.x.created", "vistory.telemetry.timm.o.j.1", "vistory.parked.x"]
    system = ["$SYS.REQ.USER.AUTH", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.SERVER.X.KICK"]
    for subject in [*plain, *system, *acks, *(f"{at}.{way}" for at in (DOOR, API) for way in ways)]:
        complaint = refusals(nats, program, lambda client, subject=subject: client.publish(subject, b""))  # type: ignore[misc]
        assert "permissions violation for publish" in complaint, subject


def test_answers_go_nowhere_but_into_its_own_account(ann: Visitor, bob: Visitor, nats: Nats) -> None:
    """JetStream answers wherever it is asked to: at another subscriber, in a stream, or with another one's name."""
    mine, other = subscribed(ann), subscribed(bob)
    own, theirs = place_of(ann, mine)["consumer"], place_of(bob, other)["consumer"]
    recorded = int(bob.seen.rpartition(":")[2])
    until(lambda: asyncio.run(on_stream(nats)) >= recorded)
    places = [f"vistory.events.{ann.organization}.x.y.z", "_INBOX.listening", "$KV.LEASES.timm.j.1"]
    places += [f"$JS.ACK.EVENTS.{theirs}.1.1.1.1700000000000000000.0", f"{DOOR}.CONSUMER.MSG.NEXT.EVENTS.{theirs}"]

    async def run() -> tuple[list[Msg], int, int]:
        heard: list[Msg] = []

        async def note(message: Msg) -> None:
            heard.append(message)

        admin = await bus.connect(nats.url("admin"))
        async with knocking(nats, mine.token) as client, knocking(nats, other.token) as listener:
            await listener.subscribe("_INBOX.>", cb=note)
            await listener.flush()
            before = (await bus.jetstream(admin).stream_info(streams.EVENTS)).state.messages
            for place in places:
                await client.publish(f"{DOOR}.CONSUMER.INFO.EVENTS.{own}", b"", reply=place)
                await client.publish(f"{DOOR}.CONSUMER.MSG.NEXT.EVENTS.{own}", b'{"batch":1}', reply=place)
            await client.flush()
            await asyncio.sleep(1)
            after = (await bus.jetstream(admin).stream_info(streams.EVENTS)).state.messages
        await admin.close()
        return heard, before, after

    heard_there, before, after = asyncio.run(run())
    assert heard_there == []
    assert after == before


def test_a_place_is_free_again_when_nobody_is_left_there(ann: Visitor, bob: Visitor, nats: Nats) -> None:
    program = subscribed(ann)
    place = f"/service-accounts/{program.id}/subscription"
    assert ann("DELETE", place).is_success
    until(lambda: ann("GET", place).status_code == 404)


def test_only_admins_say_who_subscribes(ann: Visitor, bob: Visitor) -> None:
    program = ann.service("engineer_ii", "audit")
    place = f"/service-accounts/{program.id}/subscription"
    manager = ann.colleague("manager")
    assert manager("POST", place, {}).status_code == 403
    assert program("POST", place, {}).status_code == 403
    assert bob("POST", place, {}).status_code == 404
    assert ann("POST", place, {"since": "yesterday"}).status_code == 422
    assert ann("GET", place, Vistory_Min_Position=ann.seen).status_code == 404
    assert ann("POST", place).status_code == 200
    assert bob("GET", place, Vistory_Min_Position=ann.seen).status_code == 404
    found = program.get(place, Vistory_Min_Position=ann.seen)
    assert (found["stream"], found["subject"]) == ("EVENTS", f"vistory.events.{ann.organization}.>")
    assert "@" not in found["server"]
    for other in (ann.colleague("guest"), ann.service("engineer_ii", "audit")):
        assert other("GET", place).status_code == 403
    assert ann.colleague("engineer_i")("GET", place).status_code == 200
