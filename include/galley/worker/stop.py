"""SIGTERM and SIGINT: drop what is in flight and leave with 75.

The handler raises at once, wherever the worker is. `Terminated` is no `Exception`, so code that catches everything one
item may raise (a checker, an engine) does not mistake it for the item's fault. Nothing is lost by raising anywhere:
every write is atomic, as it must be for SIGKILL.
"""

from __future__ import annotations

import signal
from types import FrameType


class Terminated(BaseException):
    """The process was asked to end."""


class Stop:
    """Remembers that a signal came, in case a library swallowed the exception (destructors do)."""

    def __init__(self) -> None:
        self._signal = 0

    def listen(self) -> None:
        """Take over SIGTERM and SIGINT; main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def check(self) -> None:
        """Raise `Terminated` if a signal came. Called between batches."""
        if self._signal:
            raise Terminated(f"asked to end by {signal.Signals(self._signal).name}")

    def _handle(self, number: int, frame: FrameType | None) -> None:
        first, self._signal = not self._signal, number
        if first:  # a second one must not interrupt the cleaning up after the first
            self.check()
