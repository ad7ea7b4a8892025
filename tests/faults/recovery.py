"""How soon a training goes on whose worker was lost, beside how soon the bare framework begins in the same round."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from infra.config import Settings
from infra.executors import environment, python_of
from tests.whole import OVER, Recorded

SCRIPT: Final = Path(__file__).with_name("bare_timm.py")
CLAIMED: Final = "training_job.claimed"
STARTED: Final = "training_job.started"
KEPT: Final = "training_job.checkpoint_saved"
STEPPED: Final = "training_job.epoch_completed"
COMPLETED: Final = "training_job.completed"
CLAIMED_WITHIN: Final = 10.0
# Beyond the bare framework's own start.
STEPPED_WITHIN: Final = 10.0


def bare_start(settings: Settings, folder: Path) -> float:
    """Seconds from nothing to the framework's first step, on as many threads as a training has."""
    begun = time.monotonic()
    python, told = python_of(settings.environments, "timm"), environment(folder, os.cpu_count() or 1)
    subprocess.run([str(python), str(SCRIPT)], env=dict(told), check=True)
    return time.monotonic() - begun


def since(lost_at: float, events: Sequence[Recorded]) -> dict[str, float]:
    """Seconds to the next claim, to the start of its training, and to the end of its first epoch that is a new one."""
    moment = datetime.fromtimestamp(lost_at, UTC)
    claim = next((each for each in events if each.topic == CLAIMED and each.recorded_at > moment), None)
    if claim is None:
        return {}
    attempt, epochs = claim.data["attempt"], [each for each in events if each.topic == STEPPED]
    before = max((each.data["epoch"] for each in epochs if each.data["attempt"] < attempt), default=0)
    later = (each for each in epochs if each.data["attempt"] >= attempt and each.data["epoch"] > before)
    started = (each for each in events if each.topic == STARTED and each.data["attempt"] >= attempt)
    found = {"claimed": claim, "started": next(started, None), "new epoch": next(later, None)}
    return {what: round((each.recorded_at - moment).total_seconds(), 1) for what, each in found.items() if each}


def missing(lost_at: float, events: Sequence[Recorded]) -> Iterator[str]:
    """What no other worker did for a job that was not over then. What ended well all the same needed nothing more."""
    moment = datetime.fromtimestamp(lost_at, UTC)
    end = next((each for each in events if each.topic in OVER), None)
    if end is not None and (end.recorded_at <= moment or end.topic == COMPLETED):
        return
    found = since(lost_at, events)
    if "claimed" not in found:
        yield "a job whose worker was lost was never claimed again"
    elif "new epoch" not in found:
        yield "a job whose worker was lost was claimed again, and no new epoch of it ended"


def begun_too_early(events: Sequence[Recorded]) -> Iterator[str]:
    """Whoever goes on with a training does so from the last checkpoint that the ledger knows of."""
    last: object = None
    for each in events:
        if each.topic == KEPT:
            last = each.data["checkpoint"]
        elif each.topic == STARTED and each.data["resumed_from"] != last:
            resumed = each.data["resumed_from"]
            yield f"attempt {each.data['attempt']} went on from {resumed}, where {last} was the last checkpoint"


def faults(took: Mapping[str, float]) -> Iterator[str]:
    """An epoch ends later than its first step: what is judged is more than what was promised."""
    if "claimed" in took and took["claimed"] > CLAIMED_WITHIN:
        yield f"a job whose worker was lost was claimed again after {took['claimed']} s"
    if "new epoch" in took and took["new epoch"] > took["bare start"] + STEPPED_WITHIN:
        yield f"it went on after {took['new epoch']} s, where the bare framework begins in {took['bare start']} s"
