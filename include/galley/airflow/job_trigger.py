"""Waits for a job in the triggerer, so that a long one holds no worker slot."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from galley.airflow.installation import installation
from galley.airflow.runtimes import open_runtime
from galley.errors import JobInterrupted
from galley.runtimes import TAIL, Runtime
from galley.settings import Settings

POLL_SECONDS = 2.0
SILENT_SECONDS = 60.0
"""Between two lines that say the same trouble."""


class JobTrigger(BaseTrigger):
    """Passes a job's log lines on until it has ended; what the end means is for the operator to say.

    Acting on the deferred task in the UI (failed, succeeded, cleared) ends the job; a triggerer that stops does not.

    :param handle: of the execution.
    :param runtime: its name; empty: the installation's default.
    :param poll: seconds between two looks.
    """

    def __init__(
        self,
        *,
        handle: str,
        runtime: str,
        poll: float = POLL_SECONDS,
        open_runtime: Callable[[str, Settings], Runtime] = open_runtime,
    ) -> None:
        super().__init__()
        self.handle, self.runtime, self.poll = handle, runtime, poll
        self._open_runtime = open_runtime
        self._cursor, self._silent_until = 0, 0.0
        self._away_since: float | None = None
        self._patience = 0.0
        self._opened: Runtime | None = None
        self._tail: deque[str] = deque(maxlen=TAIL)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, from which the triggerer makes it again."""
        values = {"handle": self.handle, "runtime": self.runtime, "poll": self.poll}
        return f"{type(self).__module__}.{type(self).__qualname__}", values

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, ``{"handle", "tail"}``, once the job has ended; the tail is its last log lines.

        Or with ``away``, why nobody can say whether it has, once that has been so for the installation's patience.
        """
        event: dict[str, Any] = {"handle": self.handle}
        try:
            # Looking reads files or asks a server, and the triggerer's loop serves others too.
            while await asyncio.to_thread(self._running):
                await asyncio.sleep(self.poll)
        except JobInterrupted as error:
            event["away"] = str(error)
        yield TriggerEvent(event | {"tail": list(self._tail)})

    async def on_kill(self) -> None:
        """End the job: SIGTERM, and SIGKILL where that does not help."""
        self.log.info("Ending %s", self.handle)
        await asyncio.to_thread(lambda: self._open().cancel(self.handle))

    def _running(self) -> bool:
        """Whether to look again. What asks a server that is away learns nothing of the job, which goes on."""
        try:
            running = self._looked()
        except JobInterrupted as error:
            now, patience = time.monotonic(), self._patience
            if self._away_since is None:
                self._away_since = now
            elif now - self._away_since > patience:
                raise JobInterrupted(f"for {patience:g} seconds nobody could tell of {self.handle}: {error}") from error
            if now >= self._silent_until:
                self._silent_until = now + SILENT_SECONDS
                self.log.warning("Cannot look at %s, and look again: %s", self.handle, error)
            return True
        self._away_since = None
        return running

    def _looked(self) -> bool:
        runtime = self._open()
        running = runtime.status(self.handle).state == "running"
        chunk = runtime.logs(self.handle, self._cursor)
        self._cursor = chunk.cursor
        self._tail.extend(chunk.lines)
        for line in chunk.lines:
            self.log.info(line)
        return running or bool(chunk.lines)

    def _open(self) -> Runtime:
        # Only ever in a thread: asking Airflow waits for the triggerer's loop.
        if self._opened is None:
            settings = installation()
            self._patience = settings.runtime_patience
            self._opened = self._open_runtime(self.runtime, settings)
        return self._opened
