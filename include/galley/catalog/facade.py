"""The catalog as the rest of Galley sees it.

with Catalog.open(settings.catalog_url) as catalog:
    catalog.record_finished(info, items=…, rejects=…, results=…, verdicts=…, release=…)
    for item in catalog.held_items():
        …
"""

from __future__ import annotations

from types import TracebackType

from sqlalchemy import Engine

from galley.catalog.database import open_engine
from galley.catalog.query import Reader
from galley.catalog.record import Recorder


class Catalog(Recorder, Reader):
    """The queryable index of runs, items, artifacts, verdicts, reviews, releases and the A/B log.

    Every method opens a transaction of its own and closes it; threads may share a catalog, processes open their own.
    Raises `CatalogError` where the database cannot do what is asked.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str) -> Catalog:
        """Open the catalog at a SQLAlchemy URL (`Settings.catalog_url`), making or upgrading it where that is safe."""
        return cls(open_engine(url))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
