"""Alembic's environment: a connection given by `galley.catalog.database`, or SQL only (`--sql`) for PostgreSQL."""

from __future__ import annotations

from alembic import context

from galley.catalog.database import VERSION_TABLE
from galley.catalog.models import Base


def _run() -> None:
    if context.is_offline_mode():
        context.configure(
            dialect_name="postgresql", target_metadata=Base.metadata, version_table=VERSION_TABLE, literal_binds=True
        )
    else:
        # Batch mode: SQLite alters a table by making it anew.
        context.configure(
            connection=context.config.attributes["connection"],
            target_metadata=Base.metadata,
            version_table=VERSION_TABLE,
            render_as_batch=True,
        )
    with context.begin_transaction():
        context.run_migrations()


_run()
