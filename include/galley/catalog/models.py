"""The catalog's tables (SQLAlchemy 2), for SQLite and PostgreSQL alike.

Every table has a natural or derived primary key, so that recording the same fact again changes nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

STATES = ("pending", "published", "held", "blocked", "failed", "withdrawn")
"""States of an item, in the order tables show them."""

RUN_STATES = ("running", "success", "failed")
"""States of a run, named as in Airflow."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept and returned in UTC (SQLite has no timezones); refuses naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no timezone; the catalog keeps aware times")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Hash = String(64)
Key = String(32)
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(value) for value in values)})", name=f"{column}_known")


class Base(DeclarativeBase):
    """Base of all tables; constraint names are the same on every database."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class Run(Base):
    """One Airflow DAG run."""

    __tablename__ = "runs"
    __table_args__ = (_one_of("state", RUN_STATES), Index(None, "started", "run"))

    run: Mapped[str] = mapped_column(String(128), primary_key=True)
    dag_id: Mapped[str] = mapped_column(String(250))
    run_id: Mapped[str] = mapped_column(String(250))
    content_date: Mapped[date] = mapped_column(Date)
    started: Mapped[datetime] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(16))


class NumericsRow(Base):
    """What artifacts were made under; `body` is the `galley.items.Numerics`."""

    __tablename__ = "numerics"

    digest: Mapped[str] = mapped_column(Hash, primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)


class ArtifactRow(Base):
    """An artifact that exists under a request key and numerics, and what making it took: it need not be made again."""

    __tablename__ = "artifacts"

    request_key: Mapped[str] = mapped_column(Hash, primary_key=True)
    numerics_digest: Mapped[str] = mapped_column(Hash, ForeignKey("numerics.digest"), primary_key=True)
    uri: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Hash)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(100))
    seconds: Mapped[float] = mapped_column(Float(53))
    batch_size: Mapped[int] = mapped_column(Integer)
    evaluations: Mapped[int] = mapped_column(Integer)
    prompt_tokens: Mapped[int] = mapped_column(Integer)
    prompt_truncated: Mapped[bool]
    finish_reason: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[str] = mapped_column(String(128))


class VerdictRow(Base):
    """What compliance says of one prompt or artifact; `verdict_id` derives from the four fields of its key."""

    __tablename__ = "verdicts"
    __table_args__ = (
        # Named by hand: the conventional name is longer than the 63 bytes PostgreSQL allows.
        UniqueConstraint(
            "subject_sha256", "subject_kind", "policy_digest", "checkers_digest", name="uq_verdicts_subject"
        ),
        _one_of("subject_kind", ("prompt", "artifact")),
        _one_of("decision", ("allow", "hold", "block")),
    )

    verdict_id: Mapped[str] = mapped_column(Key, primary_key=True)
    subject_sha256: Mapped[str] = mapped_column(Hash)
    subject_kind: Mapped[str] = mapped_column(String(16))
    policy: Mapped[str] = mapped_column(String(63))
    policy_digest: Mapped[str] = mapped_column(Hash)
    checkers_digest: Mapped[str] = mapped_column(Hash)
    decision: Mapped[str] = mapped_column(String(8))
    complete: Mapped[bool]
    scores: Mapped[dict[str, float]] = mapped_column(Json)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json)


class ItemRow(Base):
    """An item, where it stands, and what it is bound to: its artifact and its two verdicts."""

    __tablename__ = "items"
    __table_args__ = (
        _one_of("state", STATES),
        ForeignKeyConstraint(
            ["request_key", "numerics_digest"], ["artifacts.request_key", "artifacts.numerics_digest"]
        ),
        Index(None, "run", "position", "item_id"),
        Index(None, "run", "brief", "variant", "state"),
        Index(None, "run", "request_key"),
        Index(None, "run", "prompt_sha256"),
        Index(None, "run", "source_sha256"),
        Index(None, "run", "custom_id", "variant", "position"),
        Index(None, "state", "run", "position", "item_id"),
    )

    item_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    run: Mapped[str] = mapped_column(ForeignKey("runs.run"))
    position: Mapped[int] = mapped_column(BigInteger)
    content_date: Mapped[date] = mapped_column(Date)
    custom_id: Mapped[str] = mapped_column(String(512))
    brief: Mapped[str] = mapped_column(String(63))
    experiment: Mapped[str] = mapped_column(String(63))
    variant: Mapped[str] = mapped_column(String(63))
    unit: Mapped[str] = mapped_column(Text)
    policy: Mapped[str] = mapped_column(String(63))
    kind: Mapped[str] = mapped_column(String(16))
    model: Mapped[str] = mapped_column(String(300))
    seed: Mapped[int] = mapped_column(BigInteger)
    request_key: Mapped[str] = mapped_column(Hash)
    prompt_sha256: Mapped[str] = mapped_column(Hash)
    item: Mapped[dict[str, Any]] = mapped_column(Json)
    """The whole `galley.items.Item`, defaults left out; the columns above are what queries ask for."""
    state: Mapped[str] = mapped_column(String(16))
    disposition: Mapped[str | None] = mapped_column(String(16))
    """The state that the publisher last gave it, before what people decided since; or `galley.catalog.columns.LEFT`."""
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """What beside the two verdicts stood in the way of publishing it."""
    numerics_digest: Mapped[str | None] = mapped_column(Hash)
    source_sha256: Mapped[str | None] = mapped_column(Hash)
    """sha256 of what was screened."""
    prompt_verdict_id: Mapped[str | None] = mapped_column(ForeignKey("verdicts.verdict_id"))
    artifact_verdict_id: Mapped[str | None] = mapped_column(ForeignKey("verdicts.verdict_id"))
    sha256: Mapped[str | None] = mapped_column(Hash)
    """sha256 of what was published."""
    uri: Mapped[str | None] = mapped_column(Text)
    """Of the published object, or of the quarantined copy."""
    sidecar_uri: Mapped[str | None] = mapped_column(Text)
    media_type: Mapped[str | None] = mapped_column(String(100))
    approved_by: Mapped[str] = mapped_column(String(256))


class RejectRow(Base):
    """A row of a brief or request file that did not become an item."""

    __tablename__ = "rejects"

    run: Mapped[str] = mapped_column(ForeignKey("runs.run"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    line: Mapped[int | None] = mapped_column(BigInteger)
    field: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
    custom_id: Mapped[str | None] = mapped_column(Text)


class ReviewRow(Base):
    """A person's decision on an item; append-only, the latest (highest release) holds."""

    __tablename__ = "reviews"
    __table_args__ = (_one_of("action", ("approve", "reject", "withdraw")),)

    item_id: Mapped[str] = mapped_column(ForeignKey("items.item_id"), primary_key=True)
    release: Mapped[int] = mapped_column(Integer, primary_key=True)
    action: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(256))
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ReleaseRow(Base):
    """A release the catalog has seen; the highest number of a run decides what is published."""

    __tablename__ = "releases"

    run: Mapped[str] = mapped_column(ForeignKey("runs.run"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    uri: Mapped[str] = mapped_column(Text)
    cause: Mapped[dict[str, str]] = mapped_column(Json)
    published: Mapped[int] = mapped_column(BigInteger)
    withdrawn: Mapped[int] = mapped_column(BigInteger)


class ArmRow(Base):
    """An experiment's arm and its share of traffic as the brief last gave it."""

    __tablename__ = "arms"

    experiment: Mapped[str] = mapped_column(String(63), primary_key=True)
    variant: Mapped[str] = mapped_column(String(63), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    weight: Mapped[float] = mapped_column(Float(53))


class AssignmentRow(Base):
    """Which variant an item got."""

    __tablename__ = "assignments"
    __table_args__ = (Index(None, "experiment", "brief", "unit", "variant", "item_id"),)

    item_id: Mapped[str] = mapped_column(ForeignKey("items.item_id"), primary_key=True)
    experiment: Mapped[str] = mapped_column(String(63))
    brief: Mapped[str] = mapped_column(String(63))
    unit: Mapped[str] = mapped_column(Text)
    variant: Mapped[str] = mapped_column(String(63))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class GenerationRow(Base):
    """What making an item took, or why it could not be made."""

    __tablename__ = "generations"
    __table_args__ = (_one_of("status", ("ok", "failed")),)

    item_id: Mapped[str] = mapped_column(ForeignKey("items.item_id"), primary_key=True)
    status: Mapped[str] = mapped_column(String(8))
    seconds: Mapped[float] = mapped_column(Float(53))
    """Wall time of the batch divided by its items, when the artifact was made."""
    batch_size: Mapped[int] = mapped_column(Integer)
    evaluations: Mapped[int] = mapped_column(Integer)
    """Denoising steps or new tokens."""
    prompt_tokens: Mapped[int] = mapped_column(Integer)
    """0: not counted."""
    reused: Mapped[bool]
    """The item did not pay these seconds itself: an earlier run or another item of this one did."""
    prompt_truncated: Mapped[bool]
    finish_reason: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[str] = mapped_column(String(128))
    failure_kind: Mapped[str] = mapped_column(String(64))
    failure_message: Mapped[str] = mapped_column(Text)


class ExposureRow(Base):
    """That a person saw a variant, as reported to us; `exposure_id` derives from all other fields."""

    __tablename__ = "exposures"
    __table_args__ = (Index(None, "experiment_id", "variation_id", "user_id"), Index(None, "item_id"))

    exposure_id: Mapped[str] = mapped_column(Key, primary_key=True)
    user_id: Mapped[str] = mapped_column(String(256))
    timestamp: Mapped[datetime] = mapped_column(UtcDateTime)
    experiment_id: Mapped[str] = mapped_column(String(63))
    variation_id: Mapped[str] = mapped_column(String(63))
    item_id: Mapped[str | None] = mapped_column(ForeignKey("items.item_id"))


class OutcomeRow(Base):
    """A number that came of an item; `outcome_id` derives from item, metric, user and timestamp."""

    __tablename__ = "outcomes"
    __table_args__ = (Index(None, "item_id", "metric"),)

    outcome_id: Mapped[str] = mapped_column(Key, primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("items.item_id"))
    metric: Mapped[str] = mapped_column(String(63))
    value: Mapped[float] = mapped_column(Float(53))
    user_id: Mapped[str] = mapped_column(String(256))
    """Who it came from, or empty."""
    timestamp: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ImportRow(Base):
    """A file of exposures or outcomes that was imported; `import_id` derives from kind and sha256 of the file."""

    __tablename__ = "imports"
    __table_args__ = (_one_of("kind", ("exposure", "outcome")),)

    import_id: Mapped[str] = mapped_column(Key, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Hash)
    rows: Mapped[int] = mapped_column(BigInteger)
    rejected: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ImportRejectRow(Base):
    """A row of an imported file that was not taken."""

    __tablename__ = "import_rejects"

    import_id: Mapped[str] = mapped_column(ForeignKey("imports.import_id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    line: Mapped[int | None] = mapped_column(BigInteger)
    field: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
