"""The catalog on a real PostgreSQL."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import URL, DateTime, make_url, select, text

from galley.catalog.database import make_engine, open_engine, reading
from galley.catalog.facade import Catalog
from galley.catalog.models import Base
from galley.errors import CatalogError
from galley.storage import Zones
from tests.conftest import ROOT
from tests.integration.services.base import Unavailable
from tests.integration.services.postgres import PostgresServer
from tests.pipeline import Pipeline, installation


class Postgres:
    """A server of the tests' own."""

    def __init__(self, folder: Path) -> None:
        self.service, self.folder = PostgresServer(), folder
        self._numbers = itertools.count()

    @property
    def url(self) -> URL:
        """Of the database ``postgres``."""
        return make_url(self.service.environment(self.folder)["GALLEY_DATABASE_URL"])

    def database(self) -> str:
        """URL of a new, empty database."""
        name = f"galley_{next(self._numbers)}"
        engine = make_engine(self.url.render_as_string(hide_password=False))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with TemporaryDirectory() as folder:  # not pytest's, which other accounts may not enter
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder))
        try:
            server.service.up(server.folder)
        except Unavailable as error:
            pytest.skip(str(error))
        try:
            yield server
        finally:
            server.service.down(server.folder)


def rows(url: str) -> dict[str, list[str]]:
    """All rows of a catalog but the times at which they were written."""
    engine = open_engine(url)
    found = {}
    with reading(engine) as connection:
        for table in Base.metadata.sorted_tables:
            columns = [column for column in table.columns if not isinstance(column.type, DateTime)]
            lines = connection.execute(select(*columns))
            found[table.name] = sorted(json.dumps(list(row), sort_keys=True, default=str) for row in lines)
    engine.dispose()
    return found


def test_the_catalogs_own_tests_pass_on_it(postgres: Postgres) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "postgresql", "tests/catalog"]
    environment = os.environ | {"GALLEY_TEST_POSTGRES_URL": postgres.database()}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > 20


def test_a_run_is_recorded_as_on_sqlite_however_many_record_it_at_once(postgres: Postgres, tmp_path: Path) -> None:
    settings = installation(tmp_path)
    Pipeline(settings, Zones.from_settings(settings)).run()
    url = postgres.database()
    moved = settings.model_copy(update={"database_url": url})
    pipeline = Pipeline(moved, Zones.from_settings(moved))
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda _: pipeline.record(), range(8)))
    assert all(report == reports[0] for report in reports)
    here, there = rows(settings.catalog_url), rows(url)
    assert here["items"]
    assert there == here


def test_a_server_that_was_away_serves_an_open_catalog_again(postgres: Postgres) -> None:
    url = postgres.database()
    with Catalog.open(url) as catalog:
        assert catalog.runs() == []
        postgres.service.kill(postgres.folder)
        try:
            with pytest.raises(CatalogError, match="GALLEY_DATABASE_URL") as caught:
                catalog.runs()
            assert str(postgres.url.password) not in str(caught.value)
        finally:
            postgres.service.up(postgres.folder)
        assert catalog.runs() == []


def test_a_wrong_password_is_said_and_not_shown(postgres: Postgres) -> None:
    url = postgres.url.set(password="hunter2hunter2").render_as_string(hide_password=False)
    with pytest.raises(CatalogError, match="password authentication failed") as caught:
        Catalog.open(url)
    assert "hunter2" not in str(caught.value)
