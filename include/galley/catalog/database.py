"""The catalog's database: opening it, its transactions, its schema.

SQLite is opened in WAL mode with foreign keys, full synchronisation (a commit that was reported survives a power cut)
and a busy timeout. Its directory must not lie on a network file system: WAL needs shared memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from galley.errors import CatalogError

VERSION_TABLE = "galley_alembic_version"
"""Not Alembic's default name: Airflow's own tables may lie in the same PostgreSQL database."""

BUSY_TIMEOUT_MS = 60_000
"""How long a writer waits for another one on SQLite, milliseconds."""

_WRITE_LOCK = 0x67616C6C6579
"""Key of PostgreSQL's advisory lock of whoever writes: "galley" in ASCII."""


def make_engine(url: str) -> Engine:
    """An engine for ``url`` (``sqlite:////dir/catalog.db``, ``postgresql://user@host/name``).

    Raises `CatalogError` for a URL that cannot be read or a driver that is not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise CatalogError(f"catalog {shown(parsed)}: only sqlite:// and postgresql:// URLs are supported")
        if parsed.get_backend_name() == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise CatalogError(
                    f"catalog {shown(parsed)}: SQLite needs a file, for example sqlite:////dir/catalog.db"
                )
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise CatalogError(f"GALLEY_DATABASE_URL is not a database URL: {error}") from error
    except ModuleNotFoundError as error:
        raise CatalogError(
            f"catalog {shown(parsed)}: its driver {error.name!r} is not installed; pip install 'psycopg[binary]'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def shown(url: URL) -> str:
    """The URL for messages, its password hidden."""
    return url.render_as_string(hide_password=True)


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver's own implicit transactions leave out DDL and reads; _begin_sqlite opens real ones.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the write lock at once: upgrading a read transaction fails without waiting when another one wrote.
    writes = connection.get_execution_options().get("galley_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A short transaction that sees one state of the database."""
    with _translated(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A short transaction that writes; committed at the end, rolled back by an exception."""
    with _translated(engine), engine.connect().execution_options(galley_writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            # One writer at a time, as on SQLite: two that change the same rows in another order would deadlock.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITE_LOCK})
        yield connection


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise CatalogError(
            f"catalog {shown(engine.url)}: {error.orig}; GALLEY_DATABASE_URL says where it is"
        ) from error


def alembic_config() -> Config:
    """Alembic's configuration: the migrations inside this package, no ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def head() -> str:
    """The newest revision this Galley knows."""
    revision = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if revision is None:
        raise CatalogError("the installed galley package has no migrations; install it again")
    return revision


def current(connection: Connection) -> str | None:
    """The database's revision, or None where it has no catalog yet."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def open_engine(url: str) -> Engine:
    """Open the catalog at ``url``, creating it where the database is empty.

    An older SQLite catalog is upgraded at once, after a copy was laid beside it; an older PostgreSQL one is not,
    because other processes may be using it: `CatalogError` names the command. A newer Galley's catalog is refused.
    """
    engine = make_engine(url)
    try:
        with reading(engine) as connection:
            found = current(connection)
        if found != head():
            if found is not None and engine.dialect.name != "sqlite":
                _refuse_newer(engine, found)
                raise CatalogError(
                    f"catalog {shown(engine.url)} is at revision {found}, this Galley needs {head()}; "
                    "stop what is using it and run: galley db migrate"
                )
            upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Bring the schema to the newest revision; returns the revisions before and after. Two at once are safe."""
    with reading(engine) as connection:
        before = current(connection)
    if before is not None and before != head():
        _refuse_newer(engine, before)
        _copy_aside(engine, before)
    _locked(engine, lambda connection: command.upgrade(_bound(connection), "head"))
    return before, head()


def _bound(connection: Connection) -> Config:
    config = alembic_config()
    config.attributes["connection"] = connection
    return config


def _refuse_newer(engine: Engine, found: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if found not in known:
        raise CatalogError(
            f"catalog {shown(engine.url)} is at revision {found}, which this Galley ({head()}) does not know: "
            "a newer Galley made it; use that one, or another GALLEY_DATABASE_URL"
        )


def _copy_aside(engine: Engine, revision: str) -> None:
    """Copy an SQLite catalog to ``<file>.<revision>.bak`` before its schema changes."""
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return
    copy = Path(f"{engine.url.database}.{revision}.bak")
    part = copy.with_name(f"{copy.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    # Below SQLAlchemy, which opens a transaction for every statement: VACUUM refuses to run inside one.
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(part),))
    finally:
        connection.close()
    part.replace(copy)


def _locked(engine: Engine, migrate: Callable[[Connection], None]) -> None:
    # The lock of whoever writes keeps a second migration out; it then finds nothing to do.
    with writing(engine) as connection:
        migrate(connection)


def table_names(engine: Engine) -> set[str]:
    """Tables and views of the database, for `galley doctor` and tests."""
    with reading(engine) as connection:
        inspector = inspect(connection)
        return {*inspector.get_table_names(), *inspector.get_view_names()}
