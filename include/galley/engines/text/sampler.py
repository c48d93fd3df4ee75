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

from galley.engines.sampling import Told, adjustments, told
from galley.items import TextParams

BINS, BINS_PER_NAT = 4096, 128
"""For top-p, tokens are binned by how far below the likeliest they are; only the bin that fills the mass is sorted."""
MASS = 2.0**40
"""What the likeliest token weighs there: masses are whole numbers, whose sums are exact in any order."""


class Row:
    """How one item samples.

    Attributes:
        params: its parameters.
        prompt: its prompt's tokens.
        tokens: what it has said so far.
        told: of each of these, where `TextParams.logprobs` asks for it.
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
        self.params, self.prompt, self.tokens, self.told = params, list(prompt), list[int](), list[Told]()
        self._ends = bool(eos)
        self._draws = np.random.Philox(key=seed)
        self._adjustments = adjustments(params, len(prompt), eos, bad_words)

    @property
    def length(self) -> int | None:
        """Tokens that it will have said; None where an end token or a stop text may come before."""
        params = self.params
        certain = not params.stop and (not self._ends or params.min_new_tokens >= params.max_new_tokens)
        return params.max_new_tokens if certain else None

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
    for index, (row, token) in enumerate(zip(rows, tokens, strict=True)):
        if token is not None:
            row.tokens.append(token)
            if row.params.logprobs is not None:
                row.told.append(told(logits[index], token, row.params.logprobs))
    return tokens


def _draw(scores: Tensor, params: Sequence[TextParams], uniforms: Sequence[float]) -> list[int]:
    """Tokens of rows (n, vocabulary) by inverse cumulative distribution."""
    scores = scores / _column([each.temperature for each in params], scores)
    highest = scores.amax(-1, keepdim=True)
    weights = (scores - highest).double().exp_()
    # In place from here on: at this size, memory asked for anew costs more than the arithmetic.
    for index, each in enumerate(params):
        if 0 < each.top_k < scores.shape[1]:
            weights[index] *= scores[index] >= scores[index].topk(each.top_k).values[-1]
    if any(each.top_p < 1 for each in params):
        below = highest - scores
        weights *= below <= _nucleus(below, weights, [each.top_p for each in params])
    if any(each.min_p for each in params):
        weights *= weights >= _column([each.min_p for each in params], weights)
    reached = weights.cumsum(-1)
    target = _column(uniforms, weights) * reached[:, -1:]
    # The first token whose cumulated weight exceeds the target; a token of weight 0 never does.
    found = torch.searchsorted(reached, target, right=True)[:, 0].clamp_max(scores.shape[1] - 1)
    tokens: list[int] = found.tolist()
    return tokens


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None]


def _nucleus(below: Tensor, weights: Tensor, masses: Sequence[float]) -> Tensor:
    """How far below the likeliest (n, 1) the smallest set of likeliest tokens reaches whose mass is ``masses``.

    Args:
        below: (n, vocabulary), how far each score is below its row's highest; tokens of one score stay together.
        weights: (n, vocabulary), probabilities but for a factor, 1 for the likeliest.
        masses: of each row, a part of 1; 1 lets everything in.
    """
    bins = (below * BINS_PER_NAT).clamp_(max=BINS - 1).long()
    mass = (weights * MASS).long()
    filled = torch.zeros((len(below), BINS), dtype=torch.long, device=below.device)
    filled = filled.scatter_add_(1, bins, mass).cumsum(-1)
    wanted = filled[:, -1:] * _column(masses, weights)
    crossing = (filled < wanted).sum(-1).clamp_max(BINS - 1)
    reach = torch.full_like(below[:, :1], torch.inf)
    for row, (part, share) in enumerate(zip(crossing.tolist(), masses, strict=True)):
        if share < 1:
            inside = (bins[row] == part).nonzero()[:, 0]
            distance, order = below[row, inside].sort()
            passed = mass[row, inside[order]].cumsum(-1) + (filled[row, part - 1] if part else 0)
            reach[row] = distance[(passed < wanted[row]).sum().clamp_max(len(inside) - 1)]
    return reach
