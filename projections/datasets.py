"""The tables of datasets and of who is in them, for all who ask whether one is shown."""

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from projections.model import metadata
from projections.shared import members_of, offers_of

datasets: Final = Table(
    "datasets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organization_id", Uuid, nullable=False),
    Column("owner_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("offered_to", Uuid),
    Column("tags", JSONB, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("root", Text),
    Column("images", BigInteger, nullable=False),
    Column("labelled_images", BigInteger, nullable=False),
    Column("annotations", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("task", Text),
    Column("layout", Text),
    Column("classes", JSONB, nullable=False),
    Column("report", Text),
    Column("last_split", JSONB(none_as_null=True)),
    Column("snapshots", BigInteger, nullable=False),
    Column("purge_at", DateTime(timezone=True)),
    Column("purged_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("datasets_by_organization", "organization_id", "first_position"),
)

members: Final = members_of("dataset")
offers: Final = offers_of("dataset")
