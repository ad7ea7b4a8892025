"""Durable commands through load, decide, save: a project is renamed again and again, against plain commits."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import count
from queue import SimpleQueue
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from api.house import open_house
from bench.frame import Bench, Result, by, in_turn
from bench.plain import PLAIN, plain_commits
from commands.access import Caller, Command
from commands.email import VouchForAddress
from commands.person import RegisterPerson
from commands.project import CreateProject, RenameProject
from domain.model import SYSTEM
from domain.organization import organization_id
from infra.dispatch import Dispatch
from infra.migrate import migrate, migrate_keys
from infra.provision import APP, KEYS
from infra.unit import Errand

ADMIN: Final = Caller(kind="person", id=UUID(int=1), organization_id=organization_id("Bench", "Vision"))


def commands(bench: Bench) -> Iterator[Result]:
    databases = bench.servers.fresh_database()
    migrate(databases.owner_url, APP, uuid7())
    migrate_keys(databases.keys_owner_url, KEYS)
    seconds = bench.size(1, 10) / 2
    with (
        open_house(bench.servers.settings("api", databases)) as house,
        plain_commits(databases.owner_url) as plain,
    ):
        dispatch = house.dispatch
        give(dispatch, registered(), Caller(kind="anonymous", id=UUID(int=0)))
        give(dispatch, VouchForAddress(person_id=ADMIN.id), Caller(kind="system", id=SYSTEM))
        for writers, goal in ((1, 0.4), (8, 0.6), (32, None)):
            once = partial(renamed, dispatch, projects(dispatch, writers))
            ways = {"ours": partial(by, writers, seconds, once), PLAIN: partial(by, 1, seconds, plain)}
            rounds = in_turn(ways, rounds=5)
            work = f"durable commands, {writers} writer{'s' if writers > 1 else ''}"
            yield Result.of(work, "/s", rounds, PLAIN, goal)
    bench.servers.drop(databases)


Idle = SimpleQueue[tuple[UUID, "count[int]"]]


def projects(dispatch: Dispatch, writers: int) -> Idle:
    """A project of its own for each writer, who takes one and gives it back."""
    idle: Idle = SimpleQueue()
    for _ in range(writers):
        project = uuid7()
        give(dispatch, CreateProject(project_id=project, name="bench"))
        idle.put((project, count()))
    return idle


def renamed(dispatch: Dispatch, idle: Idle) -> None:
    project, numbers = idle.get()
    give(dispatch, RenameProject(project_id=project, name=f"bench {next(numbers)}"))
    idle.put((project, numbers))


def give(dispatch: Dispatch, command: Command, caller: Caller = ADMIN) -> None:
    dispatch(command, Errand(caller=caller, now=datetime.now(UTC), command_id=uuid7()))


def registered() -> RegisterPerson:
    return RegisterPerson(
        person_id=ADMIN.id,
        email="bench@example.org",
        full_name="Bench",
        avatar_name="red-fox-1",
        password="correct horse battery",
        company="Bench",
        division="Vision",
    )
