"""What MLflow keeps of a job, read over its own REST interface."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from consumers.mlflow import millis
from infra.mlflow import JOB_TAG
from tests.whole import Recorded


class Point(NamedTuple):
    key: str
    step: int
    timestamp: int
    value: float


class Runs:
    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/api/2.0/mlflow", trust_env=False, timeout=30.0)

    def of(self, job: str) -> list[Mapping[str, Any]]:
        """Every run that says it is this job's, in whatever experiment."""
        ids = [experiment["experiment_id"] for experiment in self._experiments()]
        wanted = {"experiment_ids": ids, "max_results": 1000, "filter": f"tags.`{JOB_TAG}` = '{job}'"}
        found: list[Mapping[str, Any]] = self._ask("POST", "/runs/search", json=wanted).get("runs", [])
        return found

    def tags_of_experiments(self) -> list[Mapping[str, str]]:
        return [tag for experiment in self._experiments() for tag in experiment.get("tags", ())]

    def points(self, run_id: str, keys: Sequence[str]) -> list[Point]:
        return sorted(point for key in keys for point in self._history(run_id, key))

    def _history(self, run_id: str, key: str) -> list[Point]:
        asked = {"run_id": run_id, "metric_key": key, "max_results": 10_000}
        metrics = self._ask("GET", "/metrics/get-history", params=asked)["metrics"]
        return [Point(key, int(m["step"]), int(m["timestamp"]), float(m["value"])) for m in metrics]

    def _experiments(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self._ask("GET", "/experiments/search", params={"max_results": 1000})[
            "experiments"
        ]
        return found

    def _ask(self, method: str, path: str, **rest: Any) -> Any:
        answer = self._client.request(method, path, **rest)
        return answer.raise_for_status().json()

    def close(self) -> None:
        self._client.close()


def points_of(epochs: Sequence[Recorded]) -> list[Point]:
    """What MLflow must have of these epochs, neither more nor less: of one that was trained again, as it was first."""
    first = {epoch.data["epoch"]: epoch for epoch in reversed(epochs)}
    return sorted(
        Point(key, number, millis(epoch.recorded_at), float(value))
        for number, epoch in first.items()
        for key, value in epoch.data["metrics"].items()
    )
