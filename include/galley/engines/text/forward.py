"""Forwards of a language model over slots: which rows, which tokens, at which positions, and how far back they look.

A prompt is read a chunk of `CHUNK` tokens at a time, alone and on a grid that starts with the prompt, so that its keys
and values never depend on neighbours; its last chunk is as long as it is. Decode is one token for every row at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from galley.engines.numerics import device
from galley.engines.text.cache import SlotCache
from galley.engines.text.language_model import LanguageModel
from galley.engines.text.masks import masks

CHUNK = 64
"""Tokens of a prompt read by one forward, and the grid of the number of keys that a decode forward reads."""


class SlotForward:
    """A language model and the cache its forwards write into.

    Attributes:
        language: the model.
        cache: of the slots, or None while closed.
        position_bytes: what one position of one slot takes; known once something was read.
    """

    def __init__(self, language: LanguageModel) -> None:
        """Take a loaded model; no slots are open yet."""
        self.language = language
        self.cache: Any = None
        self.position_bytes = 0
        self._keeps_logits = "logits_to_keep" in signature(language.model.forward).parameters

    @property
    def config(self) -> Any:
        """The model's text configuration."""
        return self.language.model.config.get_text_config()

    def open(self, slots: int, tokens: int) -> None:
        """Make room for ``slots`` rows of up to ``tokens`` tokens each."""
        self.cache = SlotCache(self.config.num_hidden_layers, slots, up(tokens))

    def close(self) -> None:
        """Give the room back."""
        self.cache = None

    def read(self, slot: int, prompt: Sequence[int], start: int) -> Tensor:
        """Read one chunk of a prompt into a slot. Scores (1, vocabulary) after its last token in the chunk."""
        chunk = prompt[start : start + CHUNK]
        # How long a prompt is, is no neighbour's doing, so the last chunk needs no padding to be exact. An accelerator
        # gets few shapes all the same; a processor pays for every token.
        width = len(chunk) if device().type == "cpu" else CHUNK
        ids = torch.tensor([[*chunk, *[self.language.pad] * (width - len(chunk))]], device=device())
        positions = torch.arange(start, start + width, device=device())[None]
        return self.run(slice(slot, slot + 1), ids, positions, start + width, keep=len(chunk) - 1)

    def step(self, first: int, count: int, tokens: Sequence[int], positions: Sequence[int]) -> Tensor:
        """Scores (rows, vocabulary) after a token for each of the rows from slot ``first`` on.

        The forward has ``count`` rows; those without a token are padding.
        """
        padding = count - len(tokens)
        ids = torch.tensor([*tokens, *[self.language.pad] * padding], device=device())[:, None]
        at = torch.tensor([*positions, *[0] * padding], device=device())[:, None]
        return self.run(slice(first, first + count), ids, at, up(max(positions) + 1), keep=0)[: len(tokens)]

    @torch.inference_mode()
    def run(self, slots: slice, ids: Tensor, positions: Tensor, length: int, *, keep: int) -> Tensor:
        """Scores (rows, vocabulary) at query ``keep`` of each row.

        Args:
            slots: the rows' slots.
            ids: (rows, queries) tokens.
            positions: (rows, queries) where they stand.
            length: keys that are read, from the first on.
            keep: the query whose scores are wanted.
        """
        model, room = self.language.model, self.language.room
        self.cache.aim(slots, positions, length)
        options = {"logits_to_keep": torch.tensor([keep], device=ids.device)} if self._keeps_logits else {}
        logits: Tensor = model(
            input_ids=ids,
            attention_mask=masks(self.config, positions, length, model.dtype),
            # Padding behind a prompt may lie behind the last position there is an embedding for.
            position_ids=positions.clamp_max(room - 1) if room else positions,
            past_key_values=self.cache,
            use_cache=True,
            **options,
        ).logits
        self.position_bytes = self.position_bytes or self.cache.position_bytes
        return logits[:, 0 if self._keeps_logits else keep]


def up(tokens: int) -> int:
    """The next multiple of `CHUNK`."""
    return -(-tokens // CHUNK) * CHUNK
