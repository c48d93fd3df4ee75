"""Structured log lines on stderr: one event a line in logfmt, which people and programs both read."""

from __future__ import annotations

import sys
import time
from typing import Protocol

import structlog


class Say(Protocol):
    """Logs one event with its fields."""

    def __call__(self, event: str, **fields: object) -> None:
        """``event``: a few words; fields: what a program would want."""


def stderr_say(job: str = "") -> Say:
    """A `Say` that writes ``time=… event=… job=… …`` to stderr, each line at once."""
    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.LogfmtRenderer(key_order=["time", "event", "job"], drop_missing=True),
        ],
        wrapper_class=structlog.BoundLogger,
    )

    def say(event: str, **fields: object) -> None:
        logger.info(event, **({"job": job} if job else {}), **{k: _short(v) for k, v in fields.items()})

    return say


class Progress:
    """Items done of all, with rate and time left; a line at most every ``every`` seconds, and the last one always."""

    def __init__(self, say: Say, total: int, *, done: int = 0, every: float = 2.0) -> None:
        """``done``: items that were finished before this attempt; they count, but not for the rate."""
        self._say, self._total, self._before, self._every = say, total, done, every
        self._began = time.monotonic()
        self._told = self._began - every

    def __call__(self, done: int, **fields: object) -> None:
        """``done``: items finished so far, earlier attempts included."""
        now = time.monotonic()
        if now - self._told < self._every and done < self._total:
            return
        self._told = now
        rate = (done - self._before) / max(now - self._began, 1e-9)
        left = round((self._total - done) / rate) if rate > 0 else None
        fields |= {"rate": f"{rate:.2f}/s"} | ({"eta": f"{left}s"} if left is not None else {})
        self._say("progress", done=done, of=self._total, **fields)


def _short(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = " ".join(str(value).split())
    return text if len(text) <= 500 else text[:499] + "…"
