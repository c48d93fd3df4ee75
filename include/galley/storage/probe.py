"""Whether a store really refuses to write what is there already: asked by racing writers, before anything relies on it.

Some S3 servers take ``If-None-Match: *`` and write all the same, or look first and write later. Releases and claims
would then be lost in silence.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from galley.errors import ObjectExists, StoreError, StoreUnavailable, WriteUnknown
from galley.storage.settled import SettledStore
from galley.storage.streams import Source

FOLDER = ".galley"
"""Where the probe writes; no key can lie there, and no listing shows it."""


def require_conditional_writes(store: SettledStore, *, rounds: int = 5, writers: int = 8) -> None:
    """Let ``writers`` race for one key, ``rounds`` times; `StoreError` where not exactly one of them wins.

    What it wrote is removed where that is allowed. `StoreUnavailable` where a round stayed without a winner because
    requests failed.
    """
    token = secrets.token_hex(8)
    with ThreadPoolExecutor(writers) as pool:
        for number in range(rounds):
            key = f"{FOLDER}/probe/{token}/{number:02d}"
            ends = list(pool.map(_racer(store, key, threading.Barrier(writers)), range(writers)))
            with suppress(StoreError):
                store.delete_once(key)
            won = ends.count("won")
            if won == 0 and "failed" in ends:
                raise StoreUnavailable(f"{store.url}: whether it keeps write-once objects apart could not be tried")
            if won != 1:
                raise StoreError(
                    f"{store.url}: of {writers} writers that raced for one key with If-None-Match: *, {won} were told "
                    "that they had written it. This server does not keep write-once objects apart, so releases could "
                    "be lost: use one that does (MinIO, Versity S3 Gateway, AWS S3), or a newer version"
                )


def _racer(store: SettledStore, key: str, barrier: threading.Barrier) -> Callable[[int], str]:
    def write(index: int) -> str:
        barrier.wait()
        try:
            store.write_once(key, Source(b"writer %d" % index), if_absent=True)
        except ObjectExists:
            return "lost"
        except (StoreUnavailable, WriteUnknown):
            return "failed"
        return "won"

    return write
