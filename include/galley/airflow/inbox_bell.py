"""Ends the pause between two looks at the inbox early, where its store tells of writes.

What has arrived only a look says, and none comes later because of what is told or not. Who listens has a thread of its
own: the triggerer's loop has few, and they are for all.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from galley.errors import StoreError, StoreUnavailable
from galley.storage import ObjectStore, TellsOfWrites

SOON = 0.5
"""Seconds from a ring to the look, and to the next one: a file counts as arrived when two find it unchanged."""
LISTEN_SECONDS = 10.0
"""How long a server is listened to at a time, and about the longest that a thread outlives its bell."""
AWAY_SECONDS, DEAF_SECONDS = 10.0, 600.0
"""Until a server that is away, or tells of nothing, is asked again."""
_log = logging.getLogger(__name__)


class Bell:
    """Rings when something is written. A context manager, entered in the loop that waits for it."""

    def __enter__(self) -> Bell:
        self._loop, self._rung = asyncio.get_running_loop(), asyncio.Event()
        self._store: ObjectStore | None = None
        self._over = threading.Event()
        self._left, self._lock = False, threading.Lock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._left = True
            self._over.set()

    def listen(self, store: ObjectStore, prefix: str) -> None:
        """Listen to this store from now on, where it can be listened to; once the bell is left, to none."""
        with self._lock:  # a look goes on in its thread where the loop that waited for it was cancelled
            if self._left or store is self._store:
                return
            self._over.set()
            self._store, self._over = store, threading.Event()
            if isinstance(store, TellsOfWrites):
                # A daemon, for a triggerer that ends waits for nobody.
                threading.Thread(target=_listen, args=(store, prefix, self._over, self._ring), daemon=True).start()

    async def pause(self, seconds: float) -> bool:
        """Wait for ``seconds``, less where it rings; returns whether it did."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(min(SOON, seconds))  # of a hundred files, one look
        self._rung.clear()
        return True

    def _ring(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._rung.set)


def _listen(store: TellsOfWrites, prefix: str, over: threading.Event, ring: Callable[[], object]) -> None:
    while not over.is_set():
        try:
            if store.wait_for_write(prefix, LISTEN_SECONDS):
                ring()
                over.wait(SOON)
        except StoreUnavailable:
            over.wait(AWAY_SECONDS)
        except StoreError as error:
            _log.debug("%s", error)
            over.wait(DEAF_SECONDS)
