from __future__ import annotations

from tests.catalog.conftest import catalog, url

__all__ = ["catalog", "url"]
