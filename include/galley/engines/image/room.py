"""How many rows a forward may have: row counts that give equal bits, as far as memory has room for them.

What a row takes is measured once, on the model itself, and grows with the picture's area: convolutions do so, and
attention too, for SDPA never holds all scores at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from galley.engines.certificate import RowCounts
from galley.engines.memory import free_memory, is_out_of_memory

Row = TypeVar("Row")
Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Overhead:
    """What a forward takes besides its tensors.

    Attributes:
        fixed: bytes, whatever its size: kernels, weights copied in their order, small tensors' heap.
        factor: bytes taken for each byte of its tensors.
    """

    fixed: int
    factor: float


OVERHEADS = {
    "cpu": {"steps": Overhead(40 * 2**20, 1.25), "decode": Overhead(24 * 2**20, 1.2)},
    "cuda": {"steps": Overhead(0, 1.5), "decode": Overhead(0, 1.5)},
}
"""By kind of device and of forward. On a CPU with the heap that workers have (`galley.runtimes.base.HEAP`) none of 368
measured took more; what cuDNN's workspaces take is reckoned."""


def overhead(device: str, forward: str) -> Overhead:
    """Of a kind of device and ``steps`` or ``decode``."""
    return OVERHEADS.get(device, OVERHEADS["cuda"])[forward]


class Room:
    """Row counts by size. Only certified counts are ever allowed: memory chooses among them, no bits depend on it.

    Attributes:
        counts: what may be chosen from.
        pixel_bytes: what one row's tensors take at once, for each pixel of its picture.
        overhead: what a forward takes besides.
    """

    def __init__(self, counts: RowCounts, pixel_bytes: float, overhead: Overhead) -> None:
        self.counts, self.pixel_bytes, self.overhead = counts, pixel_bytes, overhead
        self._allowed: dict[Size, RowCounts] = {}
        self._budget = 0.0

    def open(self, budget: float) -> None:
        """Set how many bytes a forward may take beside the weights; what was found too large before is forgotten."""
        self._allowed = {}
        self._budget = budget

    def reckon(self, size: Size, rows: int) -> float:
        """Bytes that a forward of pictures of a size takes beside the weights."""
        return self.overhead.fixed + rows * self._row(size)

    def _row(self, size: Size) -> float:
        return self.overhead.factor * self.pixel_bytes * size[0] * size[1]

    def at(self, size: Size) -> RowCounts:
        """Counts for pictures of a size; the smallest alone where memory has room for none."""
        if size not in self._allowed:
            left = max(0.0, self._budget - self.overhead.fixed)
            self._allowed[size] = self.counts.within(int(left / self._row(size)))
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
