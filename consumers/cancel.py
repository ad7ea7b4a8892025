"""Brings a wish to cancel to the worker at once; the worker also hears of it when it next reports or asks."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from consumers.acting import Platform
from domain.model import Recorded
from domain.training_job import TrainingJob
from infra.leases import Key

CANCEL: Final = "cancel-on-training-cancel-requested"
CANCEL_FILTERS: Final = ("vistory.events.*.training_job.*.cancel_requested",)
Publish = Callable[[str, bytes], Awaitable[None]]


def control(framework: str, key: Key) -> str:
    """The subject on which a framework's workers hear what is wanted of an attempt."""
    return f"vistory.control.{framework}.{key}"


@dataclass(frozen=True)
class CancelReaction:
    platform: Platform
    publish: Publish

    async def cancel_on_training_cancel_requested(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, TrainingJob.CancelRequested):
            job = await self.platform.get(TrainingJob, event.originator_id)
            subject = control(job.recipe.framework, Key(event.originator_id, event.attempt))
            await self.publish(subject, json.dumps({"cancel": True}).encode())
