"""A training from the wish to its end on the whole platform: claimed, fetched, trained, uploaded, registered."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from cli.client import Api
from cli.digits import write_scenes
from cli.live import messages
from cli.platform import Platform, running
from cli.push import folder_of, push
from tests.servers import data_folder
from tests.whole import epochs


class Took(NamedTuple):
    """Seconds inside the epochs, and around them."""

    inside: float
    around: float


class Hosted:
    """Everything runs as `vistory up` starts it; each training has images that no worker has seen."""

    def __init__(self, platform: Platform, api: Api) -> None:
        self.settings = platform.stack.settings_for("cli")
        self.api = api
        self._project = api.post("/projects", name="bench")["id"]

    def pushed(self, folder: Path, scenes: dict[str, int], seed: int) -> str:
        dataset: str = self.api.post("/datasets", name=f"scenes {seed}")["id"]
        push(self.api, dataset, folder_of(write_scenes(folder, scenes, seed)))
        return dataset

    def trained(self, dataset: str, recipe: dict[str, Any]) -> Took:
        start = monotonic()
        wish = {"project_id": self._project, "dataset_id": dataset, **recipe}
        job = self.api.post("/training-jobs", **wish)["id"]
        status = [message for message in messages(self.api, job) if message["kind"] == "end"][-1]["status"]
        whole = monotonic() - start
        assert status == "completed", f"{job}: {status}"
        inside = sum(each.data["seconds"] for each in epochs(self.settings, job))
        return Took(inside, whole - inside)


@contextmanager
def hosted() -> Iterator[Hosted]:
    with data_folder() as folder, running(folder / "data", lambda _: None) as platform, platform.sign_in() as api:
        platform.stack.await_ready("mlflow")
        yield Hosted(platform, api)
