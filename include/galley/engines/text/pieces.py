"""What a single token says, as text and as bytes, for those who are told the log-probabilities of tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from galley.engines.sampling import Told
from galley.items import Alternative, TokenLogprob

LEAST = -9999.0
"""Told of a token that the model holds impossible, as OpenAI does: JSON has no infinity."""
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTES = {chr(byte): byte for byte in _PRINTABLE} | {chr(256 + place): byte for place, byte in enumerate(_OTHERS)}
"""How byte-level vocabularies spell bytes (GPT-2's `bytes_to_unicode`)."""


class Pieces:
    """Texts and bytes of a tokenizer's tokens, remembered."""

    def __init__(self, tokenizer: Any) -> None:
        """Take the tokenizer."""
        self._tokenizer = tokenizer
        # Some decoders cut the space before the first word, so each token is decoded behind another one.
        self._before = tokenizer("a", add_special_tokens=False).input_ids[-1:]
        self._offset = len(tokenizer.decode(self._before))
        self._known: dict[int, tuple[str, tuple[int, ...] | None]] = {}

    def of(self, token: int) -> tuple[str, tuple[int, ...] | None]:
        """The token's text and bytes; of part of a character U+FFFD, and no bytes where they cannot be known."""
        if token not in self._known:
            text = self._tokenizer.decode([*self._before, token], clean_up_tokenization_spaces=False)[self._offset :]
            spelled = None if "\ufffd" in text else tuple(text.encode())
            self._known[token] = text, spelled if spelled is not None else self._spelled(token)
        return self._known[token]

    def _spelled(self, token: int) -> tuple[int, ...] | None:
        name = str(self._tokenizer.convert_ids_to_tokens(token))
        if match := _BYTE.fullmatch(name):
            return (int(match[1], 16),)
        return tuple(BYTES[symbol] for symbol in name) if all(symbol in BYTES for symbol in name) else None

    def logprobs(self, told: Sequence[Told]) -> tuple[TokenLogprob, ...]:
        """What is told of each token."""
        return tuple(
            TokenLogprob(
                **self._alternative(each.token, each.logprob).model_dump(),
                top_logprobs=tuple(self._alternative(token, logprob) for token, logprob in each.top),
            )
            for each in told
        )

    def _alternative(self, token: int, logprob: float) -> Alternative:
        text, spelled = self.of(token)
        return Alternative(token=text, bytes=spelled, logprob=max(LEAST, round(logprob, 6)))
