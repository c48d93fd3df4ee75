from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from galley.catalog.database import make_engine, writing
from galley.catalog.facade import Catalog


def _urls() -> list[str]:
    # A PostgreSQL for these tests alone: they drop its schema `public`.
    return ["sqlite", *filter(None, [os.environ.get("GALLEY_TEST_POSTGRES_URL")])]


@pytest.fixture(params=_urls())
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/catalog.db"
    engine = make_engine(request.param)
    with writing(engine) as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return str(request.param)


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with Catalog.open(url) as opened:
        yield opened
