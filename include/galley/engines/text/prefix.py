"""Keys and values of prompt beginnings, kept for prompts that begin alike. Exact: a chunk depends on the tokens up to
its end and on nothing else, so a copy is what computing it again would give."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

Chunk = list[tuple[Tensor, Tensor]]
"""Keys and values, (heads, tokens, head size), a pair per layer."""


class PrefixStore:
    """Chunks by the tokens they end, least recently used given up first.

    Attributes:
        size: bytes kept.
    """

    def __init__(self, budget: int) -> None:
        """Keep at most ``budget`` bytes."""
        self._budget = budget
        self._chunks: OrderedDict[bytes, Chunk] = OrderedDict()
        self.size = 0

    def get(self, tokens: Sequence[int]) -> Chunk | None:
        """The last chunk of a prompt that begins with exactly these tokens."""
        key = _key(tokens)
        found = self._chunks.get(key)
        if found is not None:
            self._chunks.move_to_end(key)
        return found

    def put(self, tokens: Sequence[int], chunk: Chunk) -> None:
        """Keep a chunk; one that is larger than the whole budget is not kept."""
        key, size = _key(tokens), _bytes(chunk)
        if size > self._budget or key in self._chunks:
            return
        self._chunks[key] = chunk
        self.size += size
        while self.size > self._budget:
            self.size -= _bytes(self._chunks.popitem(last=False)[1])


def _key(tokens: Sequence[int]) -> bytes:
    return array("q", tokens).tobytes()


def _bytes(chunk: Chunk) -> int:
    return sum(part.nbytes for pair in chunk for part in pair)
