"""Keys and values of all slots, a position per row, as a stock transformers cache.

A model writes into a cache and reads from it through ``update``; what that means for the forward at hand (which slots,
which positions, how far to read) is said beforehand by `SlotCache.aim`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


class Aim:
    """What the next forward writes and reads.

    Attributes:
        slots: the rows' slots, a slice.
        positions: (rows, queries) where each new key goes.
        length: how many keys are read, from the first on.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self.slots = slice(0, 0)
        self.positions = torch.zeros((0, 0), dtype=torch.long)
        self.length = 0


class SlotLayer(CacheLayerMixin):
    """One layer: (slots, heads, capacity, head size), allocated at the first write, for only then are sizes known."""

    def __init__(self, aim: Aim, slots: int, capacity: int) -> None:
        """Share ``aim`` with the other layers."""
        super().__init__()
        self._aim, self._slots, self._capacity = aim, slots, capacity

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocate. Zeros, not garbage: what is masked is multiplied by zero, and zero times NaN is NaN."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = (
            state.new_zeros((self._slots, state.shape[1], self._capacity, state.shape[3]))
            for state in (key_states, value_states)
        )
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write the new keys and values, (rows, heads, queries, head size), and return what may be read."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        aim = self._aim
        rows = torch.arange(aim.positions.shape[0], device=self.device)[:, None]
        found = []
        for store, new in ((self.keys, key_states), (self.values, value_states)):
            view = store[aim.slots]
            view[rows, :, aim.positions] = new.transpose(1, 2)
            found.append(view[:, :, : aim.length])
        return found[0], found[1]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of what is read."""
        return self._aim.length, 0

    def get_seq_length(self) -> int:
        """Keys there before this forward; rows differ, so 0: positions are always given to the model."""
        return 0

    def get_max_length(self) -> int:
        """Positions of a slot."""
        return self._capacity


class SlotCache(Cache):
    """Slots for ``slots`` rows of ``capacity`` positions each."""

    def __init__(self, layers: int, slots: int, capacity: int) -> None:
        """Allocate nothing yet."""
        self._aim = Aim()
        super().__init__(layers=[SlotLayer(self._aim, slots, capacity) for _ in range(layers)])

    @property
    def position_bytes(self) -> int:
        """What one position of one slot takes in all layers; to be asked after the first write."""
        return sum(store[0, :, 0].nbytes for layer in self.layers for store in (layer.keys, layer.values))

    def aim(self, slots: slice, positions: Tensor, length: int) -> None:
        """Say what the next forward does; see `Aim`."""
        self._aim.slots, self._aim.positions, self._aim.length = slots, positions, length

    @torch.inference_mode()
    def copy(self, source: int, target: int, length: int) -> None:
        """Copy the first ``length`` positions of a slot to another."""
        for layer in self.layers:
            for store in (layer.keys, layer.values):
                store[target, :, :length] = store[source, :, :length]

    @torch.inference_mode()
    def clear(self, slot: int) -> None:
        """Zero a slot whose values may be no numbers, which would reach its next row through zero times NaN."""
        for layer in self.layers:
            layer.keys[slot].zero_()
            layer.values[slot].zero_()

    @torch.inference_mode()
    def read(self, slot: int, start: int, end: int) -> list[tuple[Tensor, Tensor]]:
        """Copies of keys and values of positions ``start`` to ``end``, a pair per layer."""
        return [
            (layer.keys[slot, :, start:end].clone(), layer.values[slot, :, start:end].clone()) for layer in self.layers
        ]

    @torch.inference_mode()
    def write(self, slot: int, start: int, kept: list[tuple[Tensor, Tensor]]) -> None:
        """Put back what `read` gave."""
        for layer, (keys, values) in zip(self.layers, kept, strict=True):
            if not layer.is_initialized:
                layer.lazy_initialization(keys[None], values[None])
            end = start + keys.shape[1]
            layer.keys[slot, :, start:end], layer.values[slot, :, start:end] = keys, values
