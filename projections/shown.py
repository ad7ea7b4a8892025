"""Who may know of what was made from a dataset: a training, its figures and its model are shown as their dataset is.

A viewer is a member who is no admin; without one, everything is shown.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_, true

from domain.dataset import Visibility
from projections.datasets import datasets, members
from projections.jobs import jobs


def to(viewer: UUID | None) -> ColumnElement[bool]:
    """Of a dataset itself: a private one to whoever has a place in it, and whom it is offered to."""
    if viewer is None:
        return true()
    place = exists().where(members.c.dataset_id == datasets.c.id, members.c.person_id == viewer)
    theirs = or_(datasets.c.owner_id == viewer, datasets.c.offered_to == viewer, place)
    return or_(datasets.c.visibility != Visibility.PRIVATE.value, theirs)


def of_dataset(dataset_id: ColumnElement[UUID], viewer: UUID | None) -> ColumnElement[bool]:
    """Of what was made from a dataset; one that its read model has not seen yet is nobody's but the admins'."""
    return true() if viewer is None else exists().where(datasets.c.id == dataset_id, to(viewer))


def of_job(job_id: ColumnElement[UUID], viewer: UUID | None) -> ColumnElement[bool]:
    """Of what came of a training."""
    if viewer is None:
        return true()
    return exists().where(jobs.c.id == job_id, datasets.c.id == jobs.c.dataset_id, to(viewer))
