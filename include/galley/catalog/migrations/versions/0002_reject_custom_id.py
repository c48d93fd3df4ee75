"""Rejected rows keep the custom_id they had, under which a batch's client looks for their answer.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of rows rejected before it is unknown."""
    op.add_column("rejects", sa.Column("custom_id", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("rejects", "custom_id")
