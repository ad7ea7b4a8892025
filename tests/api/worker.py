"""A trainer's service as the API sees it: the requests of a real one, without the training."""

from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

import httpx2
from fastapi.testclient import TestClient

from tests.api.visitor import Visitor

EPOCHS: Final = {
    "name": "epochs",
    "type": "integer",
    "default": 3,
    "min": 1,
    "max": 100,
    "description": "",
    "choices": None,
}
RATE: Final = {"name": "rate", "type": "number", "default": 0.1, "min": 0, "max": 1, "description": "", "choices": None}
MODELS: Final = [
    {"name": "small", "task": "detection", "description": "", "metric": "map50", "parameters": [EPOCHS, RATE]},
    {"name": "other", "task": "classification", "description": "", "metric": "accuracy", "parameters": []},
]


class Worker(Visitor):
    def __init__(self, client: TestClient, credential: str, framework: str) -> None:
        super().__init__(client, credential)
        self.framework = framework
        self.worker_id = str(uuid4())

    def report_models(self, gpus: int = 1) -> None:
        self.post("/workers/models", {"framework": self.framework, "models": MODELS, "gpus": gpus})

    def claim(self, job: str, number: int = 1) -> "Attempt":
        body = {"attempt": number, "worker_id": self.worker_id, "worker": "a machine"}
        answer = self.post(f"/training-jobs/{job}/attempts", body)
        return Attempt(self.client, answer, job, number)


class Attempt(Visitor):
    def __init__(self, client: TestClient, claim: Any, job: str, number: int) -> None:
        super().__init__(client, claim["token"])
        self.job: Any = claim["job"]
        self.path = f"/training-jobs/{job}/attempts/{number}"

    def report(self, what: str, body: Any, key: str | None = None) -> Any:
        return self.post(f"{self.path}/{what}", body, key)

    def start(self) -> Any:
        return self.report("start", {"device": "cpu", "environment": {"python": "3.11"}, "parameters": {"epochs": 3}})

    def epoch(self, n: int, loss: Any = 0.5) -> Any:
        return self.report("epochs", {"epoch": n, "epochs": 3, "metrics": {"val/loss": loss}, "seconds": 1.5})

    def keep(self, data: bytes) -> dict[str, Any]:
        named = {"sha256": sha256(data).hexdigest(), "size": len(data)}
        place = self.report("objects", named)
        if not place["present"]:
            answer = httpx2.put(place["url"], headers=place["headers"], content=data, trust_env=False)
            assert answer.is_success, answer.text
        return named

    def checkpoint(self, n: int, data: bytes = b"weights") -> Any:
        return self.report("checkpoints", {"checkpoint": {"epoch": n, **self.keep(data)}})

    def complete(self) -> str:
        model = {"id": str(uuid4()), **self.keep(b"the model")}
        result = self.keep(b'{"format":1}')["sha256"]
        self.report("complete", {"best_epoch": 2, "metrics": {"test/map50": 0.9}, "model": model, "result": result})
        return str(model["id"])


def evidence(reason: str = "code_error", message: str = "it broke") -> dict[str, Any]:
    return {"evidence": {"reason": reason, "message": message, "exit_code": 5, "last_lines": ["Traceback"]}}


def requested(visitor: Visitor, dataset: str, **other: Any) -> Any:
    project = visitor.post("/projects", {"name": "Reading"})["id"]
    wish = {"project_id": project, "dataset_id": dataset, "framework": "timm", "model": "small"}
    return visitor.post("/training-jobs", wish | other)


def trained(visitor: Visitor, worker: Worker, dataset: str) -> Any:
    """A training that is complete: what was answered when it was requested, and `model`."""
    job = requested(visitor, dataset)
    attempt = worker.claim(job["id"])
    attempt.start()
    job["model"] = attempt.complete()
    visitor.seen = attempt.seen
    return job
