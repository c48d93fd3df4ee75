"""Log lines with time stamps, as container engines keep them, and how to go on after the last one that was read."""

from __future__ import annotations

from datetime import datetime

from galley.runtimes.base import LogChunk

SECOND = 10**9


def nanoseconds(stamp: str) -> int:
    """``2026-11-26T15:00:00.123456789Z``, as engines write times, or with an offset, in nanoseconds since 1970."""
    body, zone = (stamp[:-1], "+00:00") if stamp.endswith("Z") else (stamp[:-6], stamp[-6:])
    seconds, _, fraction = body.partition(".")
    return int(datetime.fromisoformat(seconds + zone).timestamp()) * SECOND + int(fraction.ljust(9, "0") or 0)


def after(lines: list[tuple[int, str]], cursor: int) -> LogChunk:
    """What follows the last line stamped ``cursor``.

    By place where that line is among them: lines of the two streams may lie in another order than their stamps.
    """
    start = next((n for n in range(len(lines), 0, -1) if lines[n - 1][0] == cursor), None)
    fresh = [line for line in lines if line[0] > cursor] if start is None else lines[start:]
    texts = tuple(text for _, line in fresh for text in line.splitlines() or [""])
    return LogChunk(texts, fresh[-1][0] if fresh else cursor)
