from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from galley.airflow.pipeline import _sweep
from galley.settings import Settings
from galley.storage import Zones
from galley.storage.leftovers import DAY, sweep
from galley.storage.local import TEMPORARY


def leave(store: Path, age: float) -> Path:
    """A temporary of a write that died ``age`` seconds ago."""
    path = store / "a" / f"{TEMPORARY}{age:.0f}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half of it")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_what_dead_writers_left_goes_once_a_day_but_in_the_inbox(tmp_path: Path) -> None:
    zones, store, noted = Zones.from_settings(Settings(home=tmp_path)), tmp_path / "store", tmp_path / "home" / "swept"
    work, published, inbox = (leave(store / name, DAY + 60) for name in ("work", "published", "inbox"))
    alive = leave(store / "work", DAY - 3600)
    assert sweep(zones, noted) == 2
    assert not work.exists() and not published.exists() and inbox.exists() and alive.exists()
    left = leave(store / "quarantine", DAY + 60)
    assert sweep(zones, noted) == 0 and left.exists()
    assert sweep(zones, noted, time.time() + DAY) == 1 and not left.exists()


def test_a_run_is_recorded_where_a_store_is_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings = Settings(home=tmp_path, work_url="s3://no-such-bucket/x", s3_endpoint_url="http://127.0.0.1:9")
    _sweep(settings, Zones.from_settings(settings))
    assert "may take room" in caplog.text
