"""Opening, upgrading and refusing catalogs."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from galley.catalog import database
from galley.catalog.facade import Catalog
from galley.catalog.models import Base
from galley.errors import CatalogError
from galley.items import Reject
from tests.catalog.samples import run_info


def set_revision(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {database.VERSION_TABLE} SET version_num = :to"), {"to": revision})
    engine.dispose()


def test_models_and_migrations_agree(url: str) -> None:
    engine = database.open_engine(url)
    with database.reading(engine) as connection:
        options = {"version_table": database.VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        difference = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert difference == []


def test_going_down_leaves_nothing_and_up_again_works(url: str) -> None:
    engine = database.open_engine(url)
    with database.writing(engine) as connection:
        command.downgrade(database._bound(connection), "base")
    assert database.table_names(engine) == {database.VERSION_TABLE}
    assert database.upgrade(engine) == (None, "0002")
    assert {"runs", "items", "experiment_exposures"} <= database.table_names(engine)
    engine.dispose()


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    engine = database.open_engine(f"sqlite:///{tmp_path}/new/catalog.db")
    with database.reading(engine) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 60_000}


def test_every_table_and_index_compiles_for_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in Base.metadata.sorted_tables:
        ddl = str(CreateTable(table).compile(dialect=dialect))
        assert "DATETIME" not in ddl
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect))
    assert "JSONB" in str(CreateTable(Base.metadata.tables["items"]).compile(dialect=dialect))


def test_migrations_as_sql_for_postgresql() -> None:
    config = database.alembic_config()
    config.output_buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    sql = config.output_buffer.getvalue()
    assert "CREATE VIEW experiment_exposures" in sql
    assert "TIMESTAMP WITH TIME ZONE" in sql


def test_a_catalog_of_a_newer_galley_is_refused_untouched(url: str) -> None:
    Catalog.open(url).close()
    set_revision(url, "9999")
    with pytest.raises(CatalogError, match=r"9999, which this Galley .* does not know: a newer Galley"):
        Catalog.open(url)


def test_an_older_sqlite_catalog_is_copied_aside_then_upgraded(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalog.db"
    with Catalog.open(url) as catalog:
        catalog.record_run(run_info("old"))
        catalog.record_rejects("old", [Reject(source="x.jsonl", rule="is wrong")])
        with database.writing(catalog.engine) as connection:
            command.downgrade(database._bound(connection), "0001")
    for path in ("catalog.db", "catalog.db.0001.bak"):
        with Catalog.open(f"sqlite:///{tmp_path}/{path}") as found:
            assert [run.info.run for run in found.runs()] == ["old"]
            assert [reject.custom_id for reject in found.rejects("old")] == [""]


def test_many_openers_of_a_new_catalog_make_it_once(url: str) -> None:
    errors: list[BaseException] = []

    def opens() -> None:
        try:
            Catalog.open(url).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=opens) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://u:secret@h/d", "only sqlite:// and postgresql://"),
        ("sqlite://", "needs a file"),
    ],
)
def test_a_wrong_url_is_named_without_its_password(url: str, message: str) -> None:
    with pytest.raises(CatalogError, match=message) as caught:
        Catalog.open(url)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"not a database" * 100)
    with pytest.raises(CatalogError, match=r"catalog\.db: file is not a database"):
        Catalog.open(f"sqlite:///{tmp_path}/catalog.db")
