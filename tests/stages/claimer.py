"""What a process that races for request files runs; in a module of its own, so that starting one imports little."""

from __future__ import annotations

from multiprocessing.synchronize import Barrier
from typing import Any

from galley.settings import Settings
from galley.stages.inbox import Inbox
from galley.storage import Zones


def claim(settings: Settings, barrier: Barrier, runs: list[str], won: Any) -> None:
    """Claim one file after the other, each for a run of its own, and report who has what."""
    inbox = Inbox.of(settings, Zones.from_settings(settings))
    waiting = list(inbox.waiting(0.0))
    for run in runs:
        barrier.wait(60)
        found = inbox.claim(run, waiting, lambda line: None)
        won.put((run, found.arrival.key if found else None))
