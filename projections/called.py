"""By what names people know a training: those of its dataset and its project; and whether it went with that."""

from typing import Any, Final

from sqlalchemy import FromClause

from projections.datasets import datasets
from projections.project import projects

_dataset, _project = datasets.alias("trained_on"), projects.alias("trained_in")
PURGED: Final = _project.c.purged_at
NAMES: Final = (_dataset.c.name.label("dataset"), _project.c.name.label("project"), PURGED.label("purged_at"))


def with_names(of: FromClause, jobs: Any) -> FromClause:
    """None where another read model has not seen it yet."""
    joined = of.outerjoin(_dataset, _dataset.c.id == jobs.c.dataset_id)
    return joined.outerjoin(_project, _project.c.id == jobs.c.project_id)
