"""One process for everything that follows events: reactions, MLflow's writer, the archive of telemetry, the reaper."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext
from nats.aio.client import Client

from consumers.acting import Platform
from consumers.api_tokens import expire_tokens
from consumers.backlog import Backlog
from consumers.cancel import CANCEL, CANCEL_FILTERS, CancelReaction
from consumers.closure import ClosureReaction
from consumers.ending import Liquidator
from consumers.erasure import Eraser, sweep_exports
from consumers.heads import keep_heads
from consumers.invitation import keep_invitations
from consumers.leaving import VACATE, VACATE_FILTERS, LeavingReaction
from consumers.lookout import Lookout, prepare
from consumers.loops import Loops
from consumers.mail import Desk, MailReaction
from consumers.mlflow import CREATE, CREATE_FILTERS, ExperimentReaction, MlflowBooks, RunWriter
from consumers.occasions import OCCASIONS
from consumers.promises import settle_promises
from consumers.reactions import Reaction, Reactor, Records, subscribe
from consumers.reaper import RealEyes, Reaper
from consumers.registrations import NewcomersDesk
from consumers.security import note_failures
from consumers.stopping import until_stopped
from consumers.subscribers import Door, Doorkeeper
from consumers.telemetry import Archivist, Owners
from consumers.trash import Emptier
from infra import logs, metrics, outside
from infra.archive_writer import ArchiveWriter
from infra.blobs import Blobs
from infra.bus import Lasting, connect, jetstream
from infra.bus_pass import Issuer
from infra.config import Settings
from infra.erased import forget_letters
from infra.heads import places
from infra.host import Host
from infra.mlflow import Mlflow
from infra.nats_users import DOOR, connect_options, inbox, user_of
from infra.objects import Objects
from infra.parked import Parked
from infra.personal_objects import PersonalObjects
from infra.positions import DoneSet, Positions
from infra.post import Post
from infra.reading import PROJECTION, Reading
from infra.redaction import in_short
from infra.room import Rooms
from infra.standing import Standings
from infra.trainers import ReportedTrainers
from infra.trash import Trash
from infra.wiring import Core

WATCHED_EVERY: Final = 1.0
RESTARTED_AFTER: Final = 2.0
log = logging.getLogger(__name__)
Work = Callable[[], Awaitable[None]]


class Broker(NatsBroker):
    """FastStream's, on our own client."""

    async def _connect(self) -> Client:
        client = Lasting()
        await client.connect(**self._connection_kwargs)
        self.config.connect(client)
        return client


def reactions(
    platform: Platform, books: MlflowBooks, client: Client, mail: MailReaction, reading: Reading, records: Records
) -> tuple[Reaction, ...]:
    """The one table of durable names: unique, and never renamed."""
    create = ExperimentReaction(books).create_mlflow_experiment_on_experiment_created
    cancel = CancelReaction(platform, client.publish).cancel_on_training_cancel_requested
    vacate = LeavingReaction(platform, reading).vacate_on_membership_ended
    return (
        Reaction(CREATE, CREATE_FILTERS, create),
        Reaction(CANCEL, CANCEL_FILTERS, cancel),
        Reaction(VACATE, VACATE_FILTERS, vacate),
        *mail.reactions(OCCASIONS),
        *ClosureReaction(mail, records, reading).reactions(),
    )


def main(settings: Settings) -> None:
    """Until SIGTERM."""
    outside.begin("consumers", settings)
    asyncio.run(until_stopped(run(settings)))


async def run(settings: Settings) -> None:
    """Until cancelled."""
    async with AsyncExitStack() as stack:
        core = stack.enter_context(Core.open(settings))
        client = await _bus(settings, stack)
        mlflow = Mlflow(settings.need("mlflow_url"))
        stack.push_async_callback(mlflow.close)
        host = stack.enter_context(Host.of(core))
        platform = Platform(core.store, core.mapper, host.dispatch)
        records = Records(DoneSet(core.pool), Parked(core.pool), Positions(core.pool), client.publish)
        books, reactor = MlflowBooks(platform, mlflow), Reactor(platform, records)
        table = reactions(platform, books, client, mail := _mail(core, platform), host.reading, records)
        await _start_reactions(settings, client, reactor, table, stack)
        loops, writer, owners = Loops(client, platform, records), RunWriter(books), Owners(platform)
        blobs = Blobs(core.pool, Objects.open(settings))
        archivist = Archivist(ArchiveWriter(core.pool, blobs), owners)
        logs.say_ready()
        await _all_for_ever(
            ("the writer of runs", lambda: loops.write_runs(writer)),
            ("what is redriven of runs", lambda: loops.redrive_runs(writer)),
            ("what is redriven of batches", lambda: loops.redrive_batches(books, owners)),
            ("the writer of batches", lambda: loops.write_batches(books, owners)),
            ("the archive", lambda: loops.archive(archivist)),
            ("the watch over durables", lambda: _watch(client, _lookout(core), reactor, table)),
            ("the reaper", Reaper(platform, RealEyes(core.pool, client)).run),
            *_at_the_door(core, client),
            *_housekeeping(host, platform, blobs, mail, records),
            ("the emptier of the trash", Emptier(host, Trash.of(core, host.reading, blobs), mlflow).run),
        )


async def _bus(settings: Settings, stack: AsyncExitStack) -> Client:
    client = await connect(settings.need("nats_url"))
    stack.push_async_callback(client.close)
    _measured(settings, client)
    return client


def _housekeeping(
    host: Host, platform: Platform, blobs: Blobs, mail: MailReaction, records: Records
) -> Iterator[tuple[str, Work]]:
    core = host.core
    yield "the eraser", Eraser(host).run
    yield "the liquidator of organizations", Liquidator(host).run
    yield "the sweeper of exports", partial(sweep_exports, PersonalObjects.open(core.settings))
    yield "the desk of newcomers", NewcomersDesk(core.registrations(), mail, records, partial(forget_letters, core)).run
    yield "the keeper of API tokens", partial(expire_tokens, platform, core.api_tokens())
    yield "the keeper of invitations", partial(keep_invitations, platform, core)
    yield "the teller of failed sign-ins", partial(note_failures, platform, core.security())
    yield "the keeper of promises", partial(settle_promises, Rooms(core.pool, blobs))
    for place in places(core.settings):
        yield "the keeper of heads", partial(keep_heads, core.store, place)


def _at_the_door(core: Core, client: Client) -> tuple[tuple[str, Work], ...]:
    issuer = Issuer.of(connect_options(core.settings.need("nats_url"))["password"])
    keeper = Doorkeeper(client, Door.of(core, issuer))
    return ("the answers at the door of the bus", keeper.answer), ("the watch over subscribers", keeper.watch)


def _mail(core: Core, platform: Platform) -> MailReaction:
    mail = core.settings.mail
    return MailReaction(
        Desk(platform, core.links(), core.accounts().person_of),
        Post(mail),
        mail.frontend_url or core.settings.need("api_url"),
    )


def _measured(settings: Settings, client: Client) -> None:
    """This process speaks for all consumers that are neither relay nor projection, and for the queues."""
    standings = Standings(
        settings.need("database_url"),
        lambda name: name != "relay" and not name.startswith(PROJECTION),
        whole=True,
        behind=Backlog(client, asyncio.get_running_loop()),
    )
    metrics.serve(settings.metrics_port, "consumers", standings)


async def _start_reactions(
    settings: Settings, client: Client, reactor: Reactor, table: tuple[Reaction, ...], stack: AsyncExitStack
) -> None:
    url = settings.need("nats_url")
    for reaction in table:
        database = settings.need("database_url")
        await _until_it_works(partial(prepare, jetstream(client), database, reaction))
    broker = broker_at(url)
    subscribe(broker, reactor, table, inbox(user_of(url)))
    await broker.start()
    stack.push_async_callback(broker.stop)


def broker_at(url: str) -> NatsBroker:
    who = connect_options(url)
    return Broker(
        who["servers"],
        security=SASLPlaintext(who["user"], who["password"]),
        inbox_prefix=inbox(user_of(url)),
        js_options={"prefix": DOOR},
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        logger=log,
    )


def _lookout(core: Core) -> Lookout:
    url = core.settings.need("database_url")
    return Lookout(url, core.store, Positions(core.pool), ReportedTrainers(core.pool))


async def _watch(client: Client, lookout: Lookout, reactor: Reactor, table: tuple[Reaction, ...]) -> None:
    while True:
        await lookout.look(jetstream(client), table)
        await reactor.redrive(table)
        await asyncio.sleep(WATCHED_EVERY)


async def _all_for_ever(*works: tuple[str, Work]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for name, work in works:
            tasks.create_task(_for_ever(name, work))


async def _for_ever(name: str, work: Work) -> None:
    """A part that breaks down begins again; the others go on meanwhile."""
    complaints = logs.Complaints(log)
    while True:
        try:
            await work()
        except Exception as error:
            complaints.hear(f"{name} begins again every {RESTARTED_AFTER:.0f} s: {in_short(error)}")
        await asyncio.sleep(RESTARTED_AFTER)


async def _until_it_works(work: Work) -> None:
    complaints = logs.Complaints(log)
    while True:
        try:
            return await work()
        except Exception as error:
            complaints.hear(f"the reactions wait for bus or database: {in_short(error)}")
        await asyncio.sleep(RESTARTED_AFTER)
