"""Alembic's environment and revisions; `galley db upgrade` and `database.open_engine` run them."""
