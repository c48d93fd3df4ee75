"""Keys and values of prompts and of their beginnings, kept for prompts that begin alike. Exact: a chunk depends on the
tokens up to its end and on nothing else, so a copy is what computing it again would give."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from galley.engines.text.forward import CHUNK


@dataclass(frozen=True)
class Kept:
    """The last chunk of a prompt or of a beginning.

    Attributes:
        pairs: keys and values, (heads, tokens, head size), a pair per layer.
        scores: (1, vocabulary) after the last token, where a whole prompt ends here and is wanted again; else None.
    """

    pairs: list[tuple[Tensor, Tensor]]
    scores: Tensor | None = None

    @property
    def nbytes(self) -> int:
        """What it takes."""
        tensors = [part for pair in self.pairs for part in pair]
        return sum(part.nbytes for part in tensors) + (0 if self.scores is None else self.scores.nbytes)


class PrefixStore:
    """Chunks by the tokens they end, least recently used given up first.

    Attributes:
        size: bytes kept.
    """

    def __init__(self, budget: int) -> None:
        """Keep at most ``budget`` bytes."""
        self._budget = budget
        self._chunks: OrderedDict[tuple[bool, bytes], Kept] = OrderedDict()
        self.size = 0

    def clear(self) -> None:
        """Keep nothing any more."""
        self._chunks.clear()
        self.size = 0

    def get(self, tokens: Sequence[int], *, whole: bool = False) -> Kept | None:
        """The last chunk of a prompt that begins with exactly these tokens; ``whole``: of one that is no longer."""
        key = _key(tokens, whole)
        found = self._chunks.get(key)
        if found is not None:
            self._chunks.move_to_end(key)
        return found

    def put(self, tokens: Sequence[int], kept: Kept) -> None:
        """Keep a chunk, as a whole prompt's where it has scores; one larger than the whole budget is not kept."""
        key = _key(tokens, kept.scores is not None)
        if kept.nbytes > self._budget or key in self._chunks:
            return
        self._chunks[key] = kept
        self.size += kept.nbytes
        self.touch(tokens)
        self.limit(self._budget)

    def touch(self, tokens: Sequence[int]) -> None:
        """These tokens are in use: what they begin with goes last, and of that the shortest, without which the longer
        ones are never found."""
        for end in range((len(tokens) - 1) // CHUNK * CHUNK, 0, -CHUNK):
            if (key := _key(tokens[:end], False)) in self._chunks:
                self._chunks.move_to_end(key)

    def limit(self, budget: int) -> None:
        """Keep at most ``budget`` bytes from now on."""
        self._budget = budget
        while self.size > budget:
            self.size -= self._chunks.popitem(last=False)[1].nbytes


def _key(tokens: Sequence[int], whole: bool) -> tuple[bool, bytes]:
    return whole, array("q", tokens).tobytes()
