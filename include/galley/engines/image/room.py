"""How many rows a forward may have: row counts that give equal bits, as far as memory has room for them.

What a row takes is measured once, on the model itself, and grows with the picture's area: convolutions do so, and
attention too, for SDPA never holds all scores at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from galley.engines.certificate import RowCounts
from galley.engines.memory import free_memory, is_out_of_memory

Row = TypeVar("Row")
Size = tuple[int, int]
"""Width and height in pixels."""

BESIDE_TENSORS = {"cpu": 1.4, "cuda": 1.5}
"""What a forward takes for each byte of its tensors. On a CPU with the heap that workers have
(`galley.runtimes.base.HEAP`) measured: 1.1 to 1.35; in glibc's own it grew to 3.9 as sizes changed. What cuDNN's
workspaces take is reckoned."""
BESIDE_FORWARDS = {"cpu": 20 * 2**20, "cuda": 0}
"""Bytes that a forward of any size takes besides, for kernels, weights copied in their order and small tensors' heap:
up to 13 MiB, measured."""


def beside_tensors(device: str) -> float:
    """What a forward takes on a kind of device for each byte of its tensors."""
    return BESIDE_TENSORS.get(device, max(BESIDE_TENSORS.values()))


class Room:
    """Row counts by size. Only certified counts are ever allowed: memory chooses among them, no bits depend on it.

    Attributes:
        counts: what may be chosen from.
        pixel_bytes: what one row's tensors take at once, for each pixel of its picture.
    """

    def __init__(self, counts: RowCounts, pixel_bytes: float) -> None:
        self.counts, self.pixel_bytes = counts, pixel_bytes
        self._allowed: dict[Size, RowCounts] = {}
        self._budget = 0.0

    def open(self, budget: float, device: str) -> None:
        """Set how many bytes a forward may take beside the weights; what was found too large before is forgotten."""
        self._allowed = {}
        self._budget = max(0.0, budget - BESIDE_FORWARDS.get(device, 0)) / beside_tensors(device)

    def at(self, size: Size) -> RowCounts:
        """Counts for pictures of a size; the smallest alone where memory has room for none."""
        if size not in self._allowed:
            self._allowed[size] = self.counts.within(int(self._budget / (self.pixel_bytes * size[0] * size[1])))
        return self._allowed[size]

    def run(self, size: Size, rows: Sequence[Row], forward: Callable[[Sequence[Row], int], Tensor]) -> Tensor:
        """``forward`` of all rows, in as many parts as the counts ask for, put together.

        Args:
            size: of the pictures.
            rows: at least one.
            forward: takes some of the rows and how many its forward is to have, padding included.

        Where memory runs out, counts of this size are halved and all is done again: nothing was lost by then. Raises
        what the forward raised where the smallest count is too much.
        """
        while True:
            counts = self.at(size)
            try:
                parts = (rows[at : at + counts.most] for at in range(0, len(rows), counts.most))
                return torch.cat([forward(part, counts.fit(len(part))) for part in parts])
            except Exception as error:
                smaller = counts.halved(len(rows)) if is_out_of_memory(error) else None
                if smaller is None:
                    raise
            self._allowed[size] = smaller
            free_memory()
