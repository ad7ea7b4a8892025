"""The table of training jobs, for all who read what came of them."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from projections.model import metadata

jobs: Final = Table(
    "training_jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("project_id", Uuid, nullable=False),
    Column("experiment_id", Uuid, nullable=False),
    Column("dataset_id", Uuid, nullable=False),
    Column("snapshot", JSONB, nullable=False),
    Column("recipe", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("cancelling", Boolean, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("epochs", BigInteger),
    Column("metrics", JSONB, nullable=False),
    Column("best_epoch", BigInteger),
    Column("model_id", Uuid),
    Column("result", Text),
    Column("picture", Text),
    Column("mlflow_run_id", Text),
    Column("reason", Text),
    Column("evidence", JSONB(none_as_null=True)),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("training_jobs_by_organization", "organization_id", "first_position"),
    Index("training_jobs_by_experiment", "experiment_id", "first_position"),
    Index("training_jobs_by_project", "project_id", "first_position"),
    Index("training_jobs_by_dataset", "dataset_id", "first_position"),
    # The few that are asked for every second, however many are over.
    Index("training_jobs_unfinished", "status", postgresql_where=text("status IN ('queued', 'claimed', 'running')")),
)
