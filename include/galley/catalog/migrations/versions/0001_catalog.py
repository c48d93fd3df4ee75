"""The catalog's first schema.

Revision: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Make every table and the view."""
    op.create_table(
        "arms",
        sa.Column("experiment", sa.String(length=63), nullable=False),
        sa.Column("variant", sa.String(length=63), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("experiment", "variant", name=op.f("pk_arms")),
    )
    op.create_table(
        "imports",
        sa.Column("import_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('exposure', 'outcome')", name=op.f("ck_imports_kind_known")),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_imports")),
    )
    op.create_table(
        "numerics",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_numerics")),
    )
    op.create_table(
        "runs",
        sa.Column("run", sa.String(length=128), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=False),
        sa.Column("content_date", sa.Date(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('running', 'success', 'failed')", name=op.f("ck_runs_state_known")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_started_run"), "runs", ["started", "run"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("verdict_id", sa.String(length=32), nullable=False),
        sa.Column("subject_sha256", sa.String(length=64), nullable=False),
        sa.Column("subject_kind", sa.String(length=16), nullable=False),
        sa.Column("policy", sa.String(length=63), nullable=False),
        sa.Column("policy_digest", sa.String(length=64), nullable=False),
        sa.Column("checkers_digest", sa.String(length=64), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("scores", JSON, nullable=False),
        sa.Column("reasons", JSON, nullable=False),
        sa.CheckConstraint("decision IN ('allow', 'hold', 'block')", name=op.f("ck_verdicts_decision_known")),
        sa.CheckConstraint("subject_kind IN ('prompt', 'artifact')", name=op.f("ck_verdicts_subject_kind_known")),
        sa.PrimaryKeyConstraint("verdict_id", name=op.f("pk_verdicts")),
        sa.UniqueConstraint(
            "subject_sha256", "subject_kind", "policy_digest", "checkers_digest", name="uq_verdicts_subject"
        ),
    )
    op.create_table(
        "artifacts",
        sa.Column("request_key", sa.String(length=64), nullable=False),
        sa.Column("numerics_digest", sa.String(length=64), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("seconds", sa.Float(precision=53), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("evaluations", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("prompt_truncated", sa.Boolean(), nullable=False),
        sa.Column("finish_reason", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["numerics_digest"], ["numerics.digest"], name=op.f("fk_artifacts_numerics_digest_numerics")
        ),
        sa.PrimaryKeyConstraint("request_key", "numerics_digest", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "import_rejects",
        sa.Column("import_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.import_id"], name=op.f("fk_import_rejects_import_id_imports")),
        sa.PrimaryKeyConstraint("import_id", "position", name=op.f("pk_import_rejects")),
    )
    op.create_table(
        "rejects",
        sa.Column("run", sa.String(length=128), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.run"], name=op.f("fk_rejects_run_runs")),
        sa.PrimaryKeyConstraint("run", "position", name=op.f("pk_rejects")),
    )
    op.create_table(
        "releases",
        sa.Column("run", sa.String(length=128), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("cause", JSON, nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.run"], name=op.f("fk_releases_run_runs")),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_releases")),
    )
    op.create_table(
        "items",
        sa.Column("item_id", sa.String(length=16), nullable=False),
        sa.Column("run", sa.String(length=128), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("content_date", sa.Date(), nullable=False),
        sa.Column("custom_id", sa.String(length=512), nullable=False),
        sa.Column("brief", sa.String(length=63), nullable=False),
        sa.Column("experiment", sa.String(length=63), nullable=False),
        sa.Column("variant", sa.String(length=63), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("policy", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=300), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("request_key", sa.String(length=64), nullable=False),
        sa.Column("prompt_sha256", sa.String(length=64), nullable=False),
        sa.Column("item", JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("disposition", sa.String(length=16), nullable=True),
        sa.Column("reasons", JSON, nullable=False),
        sa.Column("numerics_digest", sa.String(length=64), nullable=True),
        sa.Column("source_sha256", sa.String(length=64), nullable=True),
        sa.Column("prompt_verdict_id", sa.String(length=32), nullable=True),
        sa.Column("artifact_verdict_id", sa.String(length=32), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("uri", sa.Text(), nullable=True),
        sa.Column("sidecar_uri", sa.Text(), nullable=True),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("approved_by", sa.String(length=256), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'published', 'held', 'blocked', 'failed', 'withdrawn')",
            name=op.f("ck_items_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["artifact_verdict_id"], ["verdicts.verdict_id"], name=op.f("fk_items_artifact_verdict_id_verdicts")
        ),
        sa.ForeignKeyConstraint(
            ["prompt_verdict_id"], ["verdicts.verdict_id"], name=op.f("fk_items_prompt_verdict_id_verdicts")
        ),
        sa.ForeignKeyConstraint(
            ["request_key", "numerics_digest"],
            ["artifacts.request_key", "artifacts.numerics_digest"],
            name=op.f("fk_items_request_key_artifacts"),
        ),
        sa.ForeignKeyConstraint(["run"], ["runs.run"], name=op.f("fk_items_run_runs")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_items")),
    )
    op.create_index(
        op.f("ix_items_run_brief_variant_state"), "items", ["run", "brief", "variant", "state"], unique=False
    )
    op.create_index(
        op.f("ix_items_run_custom_id_variant_position"),
        "items",
        ["run", "custom_id", "variant", "position"],
        unique=False,
    )
    op.create_index(op.f("ix_items_run_position_item_id"), "items", ["run", "position", "item_id"], unique=False)
    op.create_index(op.f("ix_items_run_prompt_sha256"), "items", ["run", "prompt_sha256"], unique=False)
    op.create_index(op.f("ix_items_run_request_key"), "items", ["run", "request_key"], unique=False)
    op.create_index(op.f("ix_items_run_source_sha256"), "items", ["run", "source_sha256"], unique=False)
    op.create_index(
        op.f("ix_items_state_run_position_item_id"), "items", ["state", "run", "position", "item_id"], unique=False
    )
    op.create_table(
        "assignments",
        sa.Column("item_id", sa.String(length=16), nullable=False),
        sa.Column("experiment", sa.String(length=63), nullable=False),
        sa.Column("brief", sa.String(length=63), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("variant", sa.String(length=63), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_assignments_item_id_items")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_assignments")),
    )
    op.create_index(
        op.f("ix_assignments_experiment_brief_unit_variant_item_id"),
        "assignments",
        ["experiment", "brief", "unit", "variant", "item_id"],
        unique=False,
    )
    op.create_table(
        "exposures",
        sa.Column("exposure_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=256), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("experiment_id", sa.String(length=63), nullable=False),
        sa.Column("variation_id", sa.String(length=63), nullable=False),
        sa.Column("item_id", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_exposures_item_id_items")),
        sa.PrimaryKeyConstraint("exposure_id", name=op.f("pk_exposures")),
    )
    op.create_index(
        op.f("ix_exposures_experiment_id_variation_id_user_id"),
        "exposures",
        ["experiment_id", "variation_id", "user_id"],
        unique=False,
    )
    op.create_index(op.f("ix_exposures_item_id"), "exposures", ["item_id"], unique=False)
    op.create_table(
        "generations",
        sa.Column("item_id", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("seconds", sa.Float(precision=53), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("evaluations", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("reused", sa.Boolean(), nullable=False),
        sa.Column("prompt_truncated", sa.Boolean(), nullable=False),
        sa.Column("finish_reason", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.String(length=128), nullable=False),
        sa.Column("failure_kind", sa.String(length=64), nullable=False),
        sa.Column("failure_message", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('ok', 'failed')", name=op.f("ck_generations_status_known")),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_generations_item_id_items")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_generations")),
    )
    op.create_table(
        "outcomes",
        sa.Column("outcome_id", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=16), nullable=False),
        sa.Column("metric", sa.String(length=63), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("user_id", sa.String(length=256), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_outcomes_item_id_items")),
        sa.PrimaryKeyConstraint("outcome_id", name=op.f("pk_outcomes")),
    )
    op.create_index(op.f("ix_outcomes_item_id_metric"), "outcomes", ["item_id", "metric"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("item_id", sa.String(length=16), nullable=False),
        sa.Column("release", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=256), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("action IN ('approve', 'reject', 'withdraw')", name=op.f("ck_reviews_action_known")),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=op.f("fk_reviews_item_id_items")),
        sa.PrimaryKeyConstraint("item_id", "release", name=op.f("pk_reviews")),
    )
    op.execute("""CREATE VIEW experiment_exposures AS
SELECT user_id, "timestamp", experiment_id, variation_id FROM exposures""")


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP VIEW experiment_exposures")
    op.drop_table("reviews")
    op.drop_table("outcomes")
    op.drop_table("generations")
    op.drop_table("exposures")
    op.drop_table("assignments")
    op.drop_table("items")
    op.drop_table("releases")
    op.drop_table("rejects")
    op.drop_table("import_rejects")
    op.drop_table("artifacts")
    op.drop_table("verdicts")
    op.drop_table("runs")
    op.drop_table("numerics")
    op.drop_table("imports")
    op.drop_table("arms")
