"""A platform that runs as a whole: a training on it, and whether every copy of its history says the same."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import psycopg

from cli import rebuild, replay, stream
from cli.client import Api
from cli.push import folder_of, push
from infra.config import Settings

T = TypeVar("T")
OFTEN: Final = 0.1
OVER: Final = ("training_job.completed", "training_job.failed", "training_job.cancelled")


class Recorded(NamedTuple):
    """An event as the ledger keeps it."""

    position: int
    topic: str
    data: dict[str, Any]
    recorded_at: datetime
    chain: str


def waited(find: Callable[[], T | None], within: float, what: str) -> T:
    """What `find` finds at last; a database that is away has nothing."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            if found := find():
                return found
        except psycopg.OperationalError:
            pass
        time.sleep(OFTEN)
    raise AssertionError(f"waited {within:.0f} s in vain: {what}")


def begun(api: Api, images: Path, **parameters: int) -> str:
    """The id of a training on a folder of small images, by a trainer that has told what it can train."""
    waited(lambda: [each for each in api.get("/training/models") if each["framework"] == "timm"], 60, "timm is there")
    project = api.post("/projects", name="Digits")["id"]
    dataset = api.post("/datasets", name="digits")["id"]
    push(api, dataset, folder_of(images))
    recipe = {"framework": "timm", "model": "test_resnet", "parameters": parameters}
    made: str = api.post("/training-jobs", project_id=project, dataset_id=dataset, **recipe)["id"]
    return made


def history(settings: Settings, id: str) -> list[Recorded]:
    """Every event of one thing, in order."""
    query = (
        "SELECT notification_id, topic, convert_from(state, 'UTF8')::jsonb -> 'data', recorded_at, encode(chain, 'hex')"
        " FROM ledger.events WHERE originator_id = %s ORDER BY notification_id"
    )
    with psycopg.connect(settings.need("database_url")) as connection:
        return [Recorded(*row) for row in connection.execute(query, [UUID(id)])]


def ended(settings: Settings, job: str) -> Recorded | None:
    return next((event for event in history(settings, job) if event.topic in OVER), None)


def epochs(settings: Settings, job: str) -> list[Recorded]:
    return [event for event in history(settings, job) if event.topic == "training_job.epoch_completed"]


def goes_on(settings: Settings, job: str, attempt: int, position: int = 0) -> bool:
    """Whether this attempt, or a later one, has ended an epoch since."""
    return any(epoch.position > position and epoch.data["attempt"] >= attempt for epoch in epochs(settings, job))


def head(settings: Settings) -> int:
    with psycopg.connect(settings.need("database_url")) as connection:
        found = connection.execute("SELECT position FROM ledger.head").fetchone()
    assert found
    return int(found[0])


def assert_history_holds(settings: Settings, receipts: Sequence[str] = ()) -> None:
    """The chain from the first event, the stream position by position, every read model made anew: all the same."""
    at = waited(lambda: everywhere(settings), 60, "every read model and the stream at the ledger's head")
    found = replay.verified(settings, list(receipts))
    assert (found["events"], found["receipts"]) == (at, len(set(receipts)))
    same = stream.facts(stream.compared(settings))
    assert same["equal"], stream.words(same)
    assert same["compared"] == at
    models = rebuild.compared(settings, [])
    assert [(each.table, each.key, each.columns()) for each in models.differences] == []
    assert set(models.positions.values()) == {at}


def everywhere(settings: Settings) -> int | None:
    """The position of the ledger's head, once every read model and the relay are there."""
    query = "SELECT position FROM work.positions WHERE consumer = 'relay' OR consumer LIKE 'projection:%'"
    with psycopg.connect(settings.need("database_url")) as connection:
        positions = {position for (position,) in connection.execute(query)}
    at = head(settings)
    return at if positions == {at} else None
