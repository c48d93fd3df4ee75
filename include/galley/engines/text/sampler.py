"""One token per row, from the row's own seed and its own parameters.

A row draws one uniform number per token from Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3")
keyed by its seed, the n-th number for the n-th token, and inverts the cumulative distribution in float64 over the
vocabulary's order. Every step works row by row along the vocabulary, so a draw depends neither on the batch nor on the
device. What filters allow is what stock `generate` allows: temperature, then top-k, top-p, min-p.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from galley.engines.sampling import adjustments
from galley.items import TextParams

SHORT_LIST = 1024
"""Most likely tokens that are sorted for top-p; rows whose mass lies further out are sorted whole."""


class Row:
    """How one item samples.

    Attributes:
        params: its parameters.
        prompt: its prompt's tokens.
        tokens: what it has said so far.
    """

    def __init__(
        self,
        params: TextParams,
        seed: int,
        prompt: Sequence[int],
        eos: Sequence[int],
        bad_words: Sequence[Sequence[int]] = (),
    ) -> None:
        """Take what decides the row's tokens beside the model; ``bad_words`` as `adjustments` takes them."""
        self.params, self.prompt, self.tokens = params, list(prompt), list[int]()
        self._draws = np.random.Philox(key=seed)
        self._adjustments = adjustments(params, len(prompt), eos, bad_words)

    def uniform(self) -> float:
        """The next number in [0, 1), of 53 bits."""
        return (int(self._draws.random_raw()) >> 11) * 2.0**-53

    @property
    def adjusts(self) -> bool:
        """Whether `adjust` changes anything."""
        return bool(self._adjustments)

    def adjust(self, scores: Tensor) -> Tensor:
        """Scores (vocabulary,) after what depends on the row's own history and words."""
        history = torch.tensor([self.prompt + self.tokens], device=scores.device)
        scores = scores[None]
        for processor in self._adjustments:
            scores = processor(history, scores)
        return scores[0]


def sample(logits: Tensor, rows: Sequence[Row]) -> list[int | None]:
    """The next token of each row, appended to it; None where its scores are no numbers or all forbidden.

    Args:
        logits: (rows or more, vocabulary), of any float dtype; further rows are padding.
        rows: as many as there are items.
    """
    scores = logits[: len(rows)].float()
    adjusting = [index for index, row in enumerate(rows) if row.adjusts]
    if adjusting:
        scores = scores.clone()
        for index in adjusting:
            scores[index] = rows[index].adjust(scores[index])
    highest, likeliest = scores.max(dim=-1)
    sound = torch.isfinite(highest).tolist()  # NaN where any score is, -inf where all are forbidden
    tokens: list[int | None] = [token if good else None for token, good in zip(likeliest.tolist(), sound, strict=True)]
    drawing = [index for index, row in enumerate(rows) if sound[index] and row.params.temperature > 0]
    if drawing:
        drawn = _draw(scores[drawing], [rows[index].params for index in drawing], [rows[i].uniform() for i in drawing])
        for index, found in zip(drawing, drawn, strict=True):
            tokens[index] = found
    for row, token in zip(rows, tokens, strict=True):
        if token is not None:
            row.tokens.append(token)
    return tokens


def _draw(scores: Tensor, params: Sequence[TextParams], uniforms: Sequence[float]) -> list[int]:
    """Tokens of rows (n, vocabulary) by inverse cumulative distribution."""
    scores = scores / _column([each.temperature for each in params], scores)
    least = torch.full((len(params), 1), -torch.inf, device=scores.device)
    for index, each in enumerate(params):
        if 0 < each.top_k < scores.shape[1]:
            least[index] = scores[index].topk(each.top_k).values[-1]
    weights = _weights(scores, least)
    cut = [index for index, each in enumerate(params) if each.top_p < 1]
    if cut:
        least[cut] = torch.maximum(least[cut], _nucleus(scores[cut], weights[cut], [params[i].top_p for i in cut]))
        weights = _weights(scores, least)
    if any(each.min_p for each in params):
        weights = torch.where(weights < _column([each.min_p for each in params], weights), 0.0, weights)
    reached = weights.cumsum(-1)
    target = _column(uniforms, weights) * reached[:, -1:]
    # The first token whose cumulated weight exceeds the target; a token of weight 0 never does.
    found = torch.searchsorted(reached, target, right=True)[:, 0].clamp_max(scores.shape[1] - 1)
    return [int(token) for token in found]


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None]


def _weights(scores: Tensor, least: Tensor) -> Tensor:
    """exp(score - highest) in float64, 0 below ``least`` (n, 1)."""
    shifted = (scores - scores.max(-1, keepdim=True).values).double()
    return torch.where(scores < least, 0.0, shifted.exp())


def _nucleus(scores: Tensor, weights: Tensor, masses: Sequence[float]) -> Tensor:
    """Least score (n, 1) of the smallest set of likeliest tokens whose mass reaches ``masses``; ties stay together."""
    wanted = _column(masses, weights) * weights.cumsum(-1)[:, -1:]
    short = min(SHORT_LIST, scores.shape[1])
    for size in (short, scores.shape[1]):
        best, at = scores.topk(size)
        before = weights.gather(-1, at).cumsum(-1)
        if size == scores.shape[1] or bool((before[:, -1:] >= wanted).all()):
            break
    last = (before < wanted).sum(-1, keepdim=True).clamp_max(size - 1)
    return best.gather(-1, last)
