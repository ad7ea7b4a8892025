"""The list of trainings, in the form in which the API gives them."""

from typing import Any
from uuid import UUID

from cli.job import row
from projections.training_job import JobRow

JOB, NOW = UUID(int=7), "2026-01-01T00:00:00Z"
RECIPE = {
    "framework": "timm", "task": "classification", "model": "tiny-classifier", "parameters": {},
    "weights": {}, "device": "cpu", "gpus": 0, "code_version": "1",
}  # fmt: skip
SNAPSHOT = {"id": JOB, "tag": "v1", "root": "0" * 64, "images": 3, "split": None}
KNOWN: dict[str, Any] = {
    "status": "queued", "attempt": 1, "cancelling": False, "epoch": 0, "metrics": {}, "requested_at": NOW,
    "first_position": 1, "position": 1, "recipe": RECIPE, "snapshot": SNAPSHOT, "mlflow_run_id": None,
}  # fmt: skip


def test_a_training_is_listed_with_its_framework_and_model() -> None:
    ids = {name: JOB for name in JobRow.model_fields if name == "id" or name.endswith("_id")}
    job = JobRow.model_validate(dict.fromkeys(JobRow.model_fields) | ids | KNOWN)
    assert row(job.model_dump(mode="json")) == (str(JOB), "queued", "timm", "tiny-classifier")
