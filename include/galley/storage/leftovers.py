"""What writes that died have left behind: it shows in no listing and takes room."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from galley.storage.zones import ZONES, Zones

DAY = 86_400.0
"""Seconds between two sweeps; a store of a million files takes a while to walk."""


def sweep(zones: Zones, noted: Path, now: float | None = None) -> int:
    """Remove it where it is a day old; nothing happens within a day of the last time, which ``noted`` is a file of.

    The inbox is left alone: what is under way there is others'. Returns how many leftovers went.
    Raises `StoreError` where a store does not let us; the next try is a day later all the same.
    """
    now = time.time() if now is None else now
    with suppress(FileNotFoundError):
        if now - noted.stat().st_mtime < DAY:
            return 0
    noted.parent.mkdir(parents=True, exist_ok=True)
    noted.touch()
    return sum(zones.zone(name).sweep(DAY) for name in ZONES if name != "inbox")
