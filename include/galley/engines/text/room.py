"""How many rows fit into memory: keys and values, whose size is known, and the work of a forward, which is probed.

    need(rows, positions) = BESIDE · ((rows + 1) · positions · bytes of a position + margin · max(decode, prefill))
    decode = a0 + a1·rows + a2·rows·positions          prefill = b0 + b1·positions

The plane and the line go through what a few small forwards took; the margin is for what they do not show (a library's
own buffers, a heap that keeps memory), and grows when memory runs out all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from galley.engines.certificate import RowCounts
from galley.engines.text.forward import CHUNK, SlotForward
from galley.engines.text.sampler import Row, sample
from galley.items import TextParams

MARGIN, GROWTH = 1.25, 1.25
"""Of the work of a forward."""
BESIDE = 1.15
"""What a process takes for so many bytes of tensors: without it a fourth of random batches on a CPU took a little more
than their budget, the median 0.96 of it."""
HUNGRIEST = TextParams(temperature=0.8, top_p=0.9, top_k=50, min_p=0.01)
"""Sampling that takes the most memory."""


class Allocations(TorchDispatchMode):
    """Counts bytes of tensors that operations inside it make, on any device.

    Attributes:
        peak: held at most.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        super().__init__()
        self.peak = 0
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what its results hold beside what was there."""
        there = {tensor.untyped_storage()._cdata for tensor in _tensors((args, kwargs))}
        found = func(*args, **(kwargs or {}))
        for tensor in _tensors(found):
            storage = tensor.untyped_storage()
            if storage._cdata not in there:
                self._live.setdefault(storage._cdata, (StorageWeakRef(storage), storage.nbytes()))
        self._live = {name: each for name, each in self._live.items() if not each[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._live.values()))
        return found


def _tensors(tree: Any) -> list[Tensor]:
    if isinstance(tree, Tensor):
        return [] if tree.is_mkldnn else [tree]  # packed weights, which were there and have no storage to ask for
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, list | tuple):
        return []
    return [found for each in tree for found in _tensors(each)]


@dataclass
class Room:
    """What rows need.

    Attributes:
        position_bytes: of one position of one row.
        decode: a0, a1 and a2, in bytes.
        prefill: b0 and b1, in bytes.
        margin: factor on both.
    """

    position_bytes: int
    decode: tuple[float, float, float]
    prefill: tuple[float, float]
    margin: float = MARGIN

    def need(self, rows: int, positions: int) -> int:
        """Bytes for so many rows of so many positions, and one more where prompts are read."""
        fixed, each, cell = self.decode
        work = max(fixed + each * rows + cell * rows * positions, self.prefill[0] + self.prefill[1] * positions)
        return round(BESIDE * ((rows + 1) * positions * self.position_bytes + self.margin * work))

    def within(self, counts: RowCounts, positions: int, budget: float) -> RowCounts:
        """Only counts that fit into ``budget`` bytes; the smallest alone where none does."""
        return counts.within(
            max((count for count in counts.counts if self.need(count, positions) <= budget), default=0)
        )

    def missed(self) -> None:
        """Memory ran out all the same."""
        self.margin *= GROWTH


def probed(forward: SlotForward) -> Room:
    """The room that a model's rows need, by a few small forwards."""
    near = CHUNK
    far = 2 * CHUNK if (forward.language.room or 2 * CHUNK) >= 2 * CHUNK else near
    one, four, long = _decode(forward, 1, near), _decode(forward, 4, near), _decode(forward, 4, far)
    cell = max(0.0, (long - four) / (4 * (far - near))) if far > near else 0.0
    each = max(0.0, (four - one) / 3 - cell * near)
    first, second = _prefill(forward, near), _prefill(forward, far)
    slope = max(0.0, (second - first) / (far - near)) if far > near else 0.0
    decode = (max(0.0, one - each - cell * near), each, cell)
    return Room(forward.position_bytes, decode, (max(0.0, first - slope * near), slope))


def _decode(forward: SlotForward, rows: int, keys: int) -> int:
    """Bytes that a token for each of ``rows`` takes while ``keys`` are read."""

    def step() -> None:
        scores = forward.step(0, rows, [0] * rows, [keys - 1] * rows)
        sample(torch.cat([scores]), [Row(HUNGRIEST, 0, [0], []) for _ in range(rows)])

    return _peak(forward, rows, keys, step)


def _prefill(forward: SlotForward, keys: int) -> int:
    """Bytes that a chunk takes which ends a prompt of ``keys`` tokens."""
    return _peak(forward, 1, keys, lambda: forward.read(0, [0] * keys, keys - CHUNK))


def _peak(forward: SlotForward, rows: int, keys: int, work: Callable[[], object]) -> int:
    forward.open(rows, keys)
    try:
        work()  # the cache is allocated at its first write
        with Allocations() as seen:
            work()
        return seen.peak
    finally:
        forward.close()
