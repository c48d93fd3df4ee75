"""Alembic's environment and revisions; `galley db migrate` and `database.open_engine` run them."""
