"""The read models: what the pages and the API read, made from events alone and made anew whenever wanted."""

from typing import Final

from projections import (
    api_token,
    audit,
    dataset,
    experiment,
    invitation,
    membership,
    project,
    service_account,
    training_job,
)
from projections.model import Projection

PROJECTIONS: Final[tuple[Projection, ...]] = (
    membership.PROJECTION,
    service_account.PROJECTION,
    api_token.PROJECTION,
    invitation.PROJECTION,
    project.PROJECTION,
    dataset.PROJECTION,
    experiment.PROJECTION,
    training_job.PROJECTION,
    audit.PROJECTION,
)
