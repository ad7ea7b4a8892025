"""MLflow over REST: experiments and runs are found again by what we named them, so that no retry doubles one."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import httpx

from infra.redaction import in_short

MOST_METRICS: Final = 1_000
MOST_OTHERS: Final = 100
MOST_STEPS: Final = 25_000
JOB_TAG: Final = "vistory.job_id"
_NOT_IN_A_KEY: Final = re.compile(r"[^\w\-. :/]")


class MlflowIsAway(Exception):
    """It does not answer, or not now."""


class MlflowRefused(Exception):
    """It understood and said no; its words may quote what it was sent, and are not kept."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(f"{code} to {what}")
        self.code = code


class Metric(NamedTuple):
    key: str
    value: float | str
    timestamp: int
    step: int

    def as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "key": key(self.key), "value": word(self.value)}


class Mlflow:
    def __init__(self, url: str, client: httpx.AsyncClient | None = None) -> None:
        self._client = client or httpx.AsyncClient(timeout=30.0)
        self._url = f"{url.rstrip('/')}/api/2.0/mlflow"

    async def experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """The experiment of this name, made if it is missing."""
        try:
            made = await self._post("experiments/create", {"name": name, "tags": _pairs(tags)})
        except MlflowRefused as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise
            made = (await self._ask("GET", "experiments/get-by-name", params={"experiment_name": name}))["experiment"]
        return str(made["experiment_id"])

    async def delete_experiment(self, experiment_id: str) -> None:
        """With its runs, into MLflow's own trash, which `mlflow gc` empties. One that is there already stays there."""
        found = await self._ask("GET", "experiments/get", params={"experiment_id": experiment_id})
        if found["experiment"]["lifecycle_stage"] == "active":
            await self._post("experiments/delete", {"experiment_id": experiment_id})

    async def run(self, experiment_id: str, job_id: UUID, name: str, tags: Mapping[str, str], start: int) -> str:
        """The run of this job, made if it is missing."""
        wanted = {"experiment_ids": [experiment_id], "filter": f"tags.`{JOB_TAG}` = '{job_id}'", "max_results": 1}
        if found := (await self._post("runs/search", wanted)).get("runs"):
            return str(found[0]["info"]["run_id"])
        tagged = _pairs({**tags, JOB_TAG: str(job_id)})
        new = {"experiment_id": experiment_id, "run_name": name, "start_time": start, "tags": tagged}
        return str((await self._post("runs/create", new))["run"]["info"]["run_id"])

    async def log(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """The same once more changes nothing."""
        for some in _chunks([metric.as_json() for metric in metrics], MOST_METRICS):
            await self._post("runs/log-batch", {"run_id": run_id, "metrics": some})
        for some in _chunks(_pairs({key(name): str(value) for name, value in (params or {}).items()}), MOST_OTHERS):
            await self._post("runs/log-batch", {"run_id": run_id, "params": some})
        for some in _chunks(_pairs(tags or {}), MOST_OTHERS):
            await self._post("runs/log-batch", {"run_id": run_id, "tags": some})

    async def missing(self, run_id: str, curve: Sequence[Metric]) -> list[Metric]:
        """Those of them at whose step the run has no figure."""
        reached = await self._reached(run_id)
        behind = {key(each.key) for each in curve if each.step <= reached.get(key(each.key), -1)}
        known = {(name, step) for name in behind for step in await self._steps(run_id, name)}
        return [each for each in curve if (key(each.key), each.step) not in known]

    async def _reached(self, run_id: str) -> dict[str, int]:
        """Up to which step each metric is known."""
        data = (await self._ask("GET", "runs/get", params={"run_id": run_id}))["run"].get("data") or {}
        return {metric["key"]: int(metric.get("step", 0)) for metric in data.get("metrics", ())}

    async def _steps(self, run_id: str, name: str) -> list[int]:
        found: list[int] = []
        asked: dict[str, str | int] = {"run_id": run_id, "metric_key": name, "max_results": MOST_STEPS}
        while True:
            page = await self._ask("GET", "metrics/get-history", params=asked)
            found += [int(metric.get("step", 0)) for metric in page.get("metrics", ())]
            if not (more := page.get("next_page_token")):
                return found
            asked["page_token"] = more

    async def status(self, run_id: str, status: str, ended: int | None = None) -> None:
        await self._post("runs/update", {"run_id": run_id, "status": status} | ({"end_time": ended} if ended else {}))

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, what: str, body: Mapping[str, Any]) -> Any:
        return await self._ask("POST", what, json=body)

    async def _ask(self, method: str, what: str, **rest: Any) -> Any:
        try:
            answer = await self._client.request(method, f"{self._url}/{what}", **rest)
        except httpx.TransportError as error:
            raise MlflowIsAway(in_short(error)) from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise MlflowIsAway(f"{answer.status_code} to {what}")
        if answer.status_code >= 400:
            raise MlflowRefused(_code(answer), what)
        return answer.json()


def key(name: str) -> str:
    """A name as MLflow takes it."""
    return _NOT_IN_A_KEY.sub("_", name)[:250]


def word(value: float | str) -> float | str:
    """JSON has no NaN; MLflow takes the words for it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value[:5_000]} for name, value in values.items()]


def _chunks(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error_code"])[:100]
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)
