from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from galley.airflow.pipeline import PUBLISHED
from galley.items import Release, Withdrawn
from galley.publishing.releases import encode, release_key
from galley.settings import Settings
from galley.storage import Zones
from tests.airflow.events import triggering
from tests.pipeline import DAY


def test_it_counts_what_the_named_releases_hold(dagbag: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALLEY_HOME", str(tmp_path))
    store = Zones.from_settings(Settings()).published
    withdrawn = (Withdrawn(item_id="0" * 16, by="me", reason="a mistake"),)
    release = Release(run="run-1", number=2, content_date=DAY, cause={}, published=(), withdrawn=withdrawn)
    store.put(release_key("run-1", 2), encode(release))
    events = triggering(
        PUBLISHED,
        {"run": "run-1", "release": f"{store.url}/{release_key('run-1', 2)}"},
        {"run": "run-2", "release": ""},  # all of it was held
    )
    read = dagbag.dags["published_example"].get_task("read_releases").python_callable
    monkeypatch.setitem(read.__globals__, "get_current_context", lambda: {"triggering_asset_events": events})
    assert read() == {"run-1": {"published": 0, "withdrawn": 1}}
