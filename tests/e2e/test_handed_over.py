"""Ctrl-C in the middle of a training: it is handed over, and goes on from its last checkpoint at the next `up`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.client import Api
from cli.digits import write_digits
from cli.live import messages
from cli.push import folder_of, push
from tests.e2e.running import Up, left_of, up
from tests.servers import data_folder

pytestmark = [pytest.mark.slow, pytest.mark.connected]
EPOCHS = 14


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


def signed_in(running: Up) -> Api:
    told = json.loads(running.first_line())
    api = Api(told["api"])
    password = Path(told["password_file"]).read_text()
    api.token = api.post("/auth/login", email=told["email"], password=password)["access_token"]
    return api


def begun(api: Api, images: Path) -> str:
    """The id of a training that is some epochs on its way."""
    project = api.post("/projects", name="Handed over")["id"]
    dataset = api.post("/datasets", name="digits")["id"]
    push(api, dataset, folder_of(images))
    recipe = {"framework": "timm", "model": "test_resnet", "parameters": {"epochs": EPOCHS}}
    job: str = api.post("/training-jobs", project_id=project, dataset_id=dataset, **recipe)["id"]
    next(message for message in messages(api, job) if message["kind"] == "epoch" and message["epoch"] >= 3)
    return job


@pytest.mark.timeout(240)
def test_a_training_that_runs_at_ctrl_c_goes_on_at_the_next_up(folder: Path) -> None:
    images = write_digits(folder / "digits", most=200)
    with up(folder / "data", folder / "home") as running:
        with signed_in(running) as api:
            job = begun(api, images)
        family = running.family()
        assert running.interrupt() < 10
    assert left_of(family) == []

    with up(folder / "data", folder / "home") as running, signed_in(running) as api:
        epochs = [(message["cursor"], message["epoch"]) for message in messages(api, job) if message["kind"] == "epoch"]
        found = api.get(f"/training-jobs/{job}")
    assert found["status"] == "completed"
    assert found["attempt"] == 2
    second = found["attempts"][-1]
    assert second["resumed_from"]["epoch"] >= 2
    of_second = [epoch for cursor, epoch in epochs if cursor.startswith("2.")]
    assert of_second == list(range(second["resumed_from"]["epoch"] + 1, EPOCHS + 1))
