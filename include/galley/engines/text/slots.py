"""Which item sits in which slot, and which forward comes next: the policy of the slot engine, pure.

Live items fill rows 0, 1, 2 … without gaps, so that a decode forward is one slice of the cache: where a row in the
middle ends, the last one moves into its place. One more slot, behind all rows, is where a prompt is read; an item moves
from there to the first free row when its prompt is done. Prompts are read a chunk at a time. While fewer than half of
the rows are taken, prompts go first: a decode forward costs hardly more with more rows. From then on decode goes on
between two chunks, so that a long prompt delays its neighbours by one chunk at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Literal, TypeVar

Item = TypeVar("Item")
Forward = Literal["prefill", "decode", "end"]


def admission(items: Sequence[Item], length: Callable[[Item], int | None]) -> list[Item]:
    """The order in which items are let in: longest first where all lengths are known, else as they came.

    Longest first leaves short items for the end, when rows run dry (Graham 1969, longest processing time first).

    Args:
        items: as they came.
        length: tokens an item will have, or None where only its end will tell.
    """
    lengths = [length(item) for item in items]
    if any(known is None for known in lengths):
        return list(items)
    return [items[index] for index in sorted(range(len(items)), key=lambda index: (-(lengths[index] or 0), index))]


class Slots(Generic[Item]):
    """Who waits, whose prompt is being read, and who sits in which row.

    Attributes:
        rows: live items, by row.
        reading: the item whose prompt is being read, or None.
    """

    def __init__(self, items: Iterable[Item], most: int) -> None:
        """Take items in the order of admission and the number of rows there are."""
        self._waiting = deque(items)
        self._most, self._enough = most, max(1, most // 2)
        self._read_last = False
        self.rows: list[Item] = []
        self.reading: Item | None = None

    def next(self) -> Forward:
        """What to run now: a chunk of a prompt, or a token for every row; by turns where half of the rows are taken."""
        if self.reading is None and self._waiting and len(self.rows) < self._most:
            self.reading = self._waiting.popleft()
        if self.reading is not None and not (self._read_last and len(self.rows) >= self._enough):
            self._read_last = True
            return "prefill"
        self._read_last = False
        return "decode" if self.rows else "end"

    def copied(self) -> None:
        """The chunk that was read cost no forward, so it kept nobody waiting."""
        self._read_last = False

    def join(self) -> int:
        """The item whose prompt is read becomes a row; returns which."""
        if self.reading is None:
            raise RuntimeError("no prompt is being read")
        self.rows.append(self.reading)
        self.reading = None
        return len(self.rows) - 1

    def drop(self) -> None:
        """The item whose prompt is being read needs no row."""
        self.reading = None

    def release(self, ended: Sequence[int]) -> list[tuple[int, int]]:
        """Free these rows; returns (from, to) for each row that has to move, in any order."""
        gone = set(ended)
        left = len(self.rows) - len(gone)
        holes = [row for row in range(left) if row in gone]
        movers = [row for row in range(left, len(self.rows)) if row not in gone]
        moves = list(zip(movers, holes, strict=True))
        for source, target in moves:
            self.rows[target] = self.rows[source]
        del self.rows[left:]
        return moves
