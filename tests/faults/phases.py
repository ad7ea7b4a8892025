"""At which phase of a training a fault begins: chosen by chance, and awaited."""

import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from infra.config import Settings
from tests.faults.following import Followed, Trainings
from tests.faults.recovery import CLAIMED
from tests.whole import ended, epochs, goes_on, head, history, waited

PATIENCE: Final = 120.0
# After the claim images are fetched; after the last epoch but one come the last, the model, and the end.
FETCHED_WITHIN: Final = 0.5
ENDED_WITHIN: Final = 1.5
LATER_BY: Final = 3.0


class Phase(StrEnum):
    REQUESTED = "just requested"
    CLAIMED = "claimed, not started"
    BETWEEN = "between two epochs"
    LAST = "in the last epoch"


def chosen(needs_an_epoch: bool, chance: random.Random) -> Phase:
    """Drawn in any case, so that what is drawn after it is the same for every fault."""
    phase = chance.choice(list(Phase))
    return Phase.BETWEEN if needs_an_epoch else phase


def reached(phase: Phase, trainings: Trainings, settings: Settings, chance: random.Random, share: float) -> str:
    """Returns in it, with the last event of the training that is in it: some phases are shorter than a look takes."""
    waits: dict[Phase, Callable[[Trainings, Settings], Followed]] = {
        Phase.REQUESTED: lambda trainings, settings: trainings.request(),
        Phase.CLAIMED: is_claimed,
        Phase.BETWEEN: goes_on_now,
        Phase.LAST: comes_to_its_end,
    }
    followed = waits[phase](trainings, settings)
    longest = {Phase.CLAIMED: FETCHED_WITHIN, Phase.BETWEEN: LATER_BY * share, Phase.LAST: ENDED_WITHIN}
    if phase in longest:
        time.sleep(chance.uniform(0.0, longest[phase]))
    return f"{phase} ({history(settings, followed.job)[-1].topic})"


def is_claimed(trainings: Trainings, settings: Settings) -> Followed:
    """A new one, whatever else goes on."""
    followed = trainings.request()
    waited(lambda: any(each.topic == CLAIMED for each in history(settings, followed.job)), PATIENCE, "a claim")
    return followed


def goes_on_now(trainings: Trainings, settings: Settings) -> Followed:
    """The one that runs, or a new one; an epoch of it has ended just now."""
    position, followed = head(settings), the_one_that_runs(trainings, settings)
    job = followed.job
    waited(lambda: goes_on(settings, job, 1, position) or ended(settings, job), PATIENCE, "an epoch")
    return followed


def comes_to_its_end(trainings: Trainings, settings: Settings) -> Followed:
    """The one that runs, or a new one; its last epoch but one has ended."""
    followed = the_one_that_runs(trainings, settings)
    job = followed.job
    most = int(history(settings, job)[0].data["recipe"]["parameters"]["epochs"])
    waited(lambda: has_ended(settings, job, most - 1) or ended(settings, job), PATIENCE, "the last epoch but one")
    return followed


def the_one_that_runs(trainings: Trainings, settings: Settings) -> Followed:
    followed = next(iter(trainings.followed[-1:]), None)
    return trainings.request() if followed is None or ended(settings, followed.job) else followed


def has_ended(settings: Settings, job: str, number: int) -> bool:
    return any(epoch.data["epoch"] >= number for epoch in epochs(settings, job))
