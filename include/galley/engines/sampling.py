"""Sampling for a batch whose rows have seeds of their own, as a chain of stock logits processors.

Stock `generate` draws with one global generator over the whole batch, so a row's text depends on its neighbours. Here
`generate` runs greedily over scores to which every row's own Gumbel noise has been added: the largest of log p + G is a
sample from p (Gumbel 1954; Maddison et al. 2014, arXiv:1411.0030, section 2). The order of the processors is
`GenerationMixin._get_logits_processor`'s; OpenAI's penalties, which it has not, follow the repetition penalty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    MinPLogitsWarper,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    SequenceBiasLogitsProcessor,
    StoppingCriteria,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from galley.engines.numerics import device
from galley.items import TextParams


@dataclass(frozen=True)
class Told:
    """How likely the model held what was said, and what else, before penalties, biases and temperature.

    Attributes:
        token: what was said.
        logprob: its natural logarithm of probability.
        top: the likeliest tokens with theirs, likeliest first.
    """

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


def told(scores: Tensor, token: int, count: int) -> Told:
    """What the model's own scores (vocabulary,) say of a token and of the ``count`` likeliest.

    In float64 and of one row by itself, so that it depends on no neighbour.
    """
    scores = scores.double()
    logprobs = scores - scores.logsumexp(-1)
    values, tokens = logprobs.topk(min(count, len(logprobs)))
    return Told(token, float(logprobs[token]), tuple(zip(tokens.tolist(), values.tolist(), strict=True)))


class SaidPenalty(LogitsProcessor):
    """Takes from a token's score for having been said: once, and for every time; the prompt does not count.

    https://platform.openai.com/docs/guides/text-generation#frequency-and-presence-penalties
    """

    def __init__(self, presence: float, frequency: float, prompt_tokens: int) -> None:
        """``prompt_tokens``: where what was said begins."""
        self._presence, self._frequency, self._start = presence, frequency, prompt_tokens

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Shapes: (rows, tokens) and (rows, vocabulary)."""
        said = input_ids[:, self._start :]
        times = torch.zeros_like(scores).scatter_add_(1, said, torch.ones_like(said, dtype=scores.dtype))
        return scores - self._presence * (times > 0) - self._frequency * times


def adjustments(
    params: TextParams, prompt_tokens: int, eos: Sequence[int], bad_words: Sequence[Sequence[int]]
) -> list[Any]:
    """Processors for one row alone, whose prompt has so many tokens; what its history has to do with is among them.

    ``bad_words``: tokens of each spelling of `TextParams.bad_words`.
    """
    chain: list[Any] = []
    if params.logit_bias:
        bias = {(int(token),): value for token, value in params.logit_bias.items()}
        chain.append(SequenceBiasLogitsProcessor(bias))
    if params.repetition_penalty != 1.0:
        chain.append(RepetitionPenaltyLogitsProcessor(params.repetition_penalty))
    if params.presence_penalty or params.frequency_penalty:
        chain.append(SaidPenalty(params.presence_penalty, params.frequency_penalty, prompt_tokens))
    if params.no_repeat_ngram_size:
        chain.append(NoRepeatNGramLogitsProcessor(params.no_repeat_ngram_size))
    if bad_words:
        chain.append(NoBadWordsLogitsProcessor([list(word) for word in bad_words], list(eos) or None))
    if params.min_new_tokens and eos:
        chain.append(MinNewTokensLengthLogitsProcessor(prompt_tokens, params.min_new_tokens, list(eos), device()))
    return chain


class PerRow(LogitsProcessor):
    """Applies to each row processors of its own, without its left padding, as if the row were alone."""

    def __init__(self, rows: Sequence[Sequence[Any]], starts: Sequence[int]) -> None:
        """``rows``: each one's processors, in order; ``starts``: index of its first token that is not padding."""
        self._rows, self._starts = rows, starts

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Shapes: (rows, tokens) and (rows, vocabulary)."""
        adjusted = []
        for row, (processors, start) in enumerate(zip(self._rows, self._starts, strict=True)):
            one = scores[row : row + 1]
            for processor in processors:
                one = processor(input_ids[row : row + 1, start:], one)
            adjusted.append(one)
        return torch.cat(adjusted)


class Draw(LogitsProcessor):
    """The last processor: adds each row's own noise, and keeps rows whose scores are no numbers from doing harm.

    Attributes:
        broken: per row, whether its scores were ever NaN, infinite, or all forbidden.
    """

    def __init__(self, seeds: Sequence[int], *, greedy: bool) -> None:
        """One generator per seed, on the CPU, so that the noise is the same on every device."""
        self._generators = None if greedy else [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self.broken = [False] * len(seeds)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Shapes: (rows, tokens) and (rows, vocabulary), float32."""
        highest = scores.max(dim=-1).values
        bad = ~torch.isfinite(highest)  # max is NaN where any score is, and -inf where all are forbidden
        if bool(bad.any()):
            self.broken = [was or bool(now) for was, now in zip(self.broken, bad.tolist(), strict=True)]
            scores = torch.where(bad[:, None], torch.zeros_like(scores), scores)
        if self._generators is None:
            return scores
        waits = torch.stack(
            [torch.empty(scores.shape[-1]).exponential_(generator=generator) for generator in self._generators]
        )
        # -log of an exponential wait is Gumbel noise; a wait of exactly 0 would be infinite noise.
        return scores - waits.clamp_(min=torch.finfo(torch.float32).tiny).log_().to(scores.device)


class StopText:
    """Sees whether what a row said has come to contain one of the stop texts."""

    def __init__(self, tokenizer: Any, texts: Sequence[str]) -> None:
        """Take the tokenizer and at least one text."""
        self._tokenizer, self._texts = tokenizer, texts
        # Every token is at least one byte, so a stop text that the newest token completes lies within this window;
        # three more, for a character that the window's first token cuts.
        self._window = max(len(text.encode()) for text in texts) + 3

    def seen(self, tokens: Any) -> bool:
        """Whether the newest of the new tokens completed a stop text; to be asked after each."""
        tail = self._tokenizer.decode(tokens[-self._window :], skip_special_tokens=True)
        return any(text in tail for text in self._texts)


class StopTexts(StoppingCriteria):
    """Ends a row of `generate` as soon as what it wrote contains one of the stop texts.

    Attributes:
        ends: per row, the number of new tokens when it ended here, or None.
    """

    def __init__(self, tokenizer: Any, texts: Sequence[str], prompt_tokens: int, rows: int) -> None:
        """``prompt_tokens``: length of the padded prompts."""
        self._stop, self._start = StopText(tokenizer, texts), prompt_tokens
        self.ends: list[int | None] = [None] * rows

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        """True for the rows that end now or have ended here. Shape: (rows,)."""
        new = input_ids[:, self._start :]
        for row, end in enumerate(self.ends):
            if end is None and self._stop.seen(new[row]):
                self.ends[row] = new.shape[1]
        return torch.tensor([end is not None for end in self.ends], device=input_ids.device)


class Watch(LogitsProcessor):
    """The first processor: sees the model's own scores, and tells of each row's tokens how likely they were.

    A token is known only at the next step, so the scores of one step are kept.
    """

    def __init__(self, rows: int, count: int, prompt_tokens: int) -> None:
        """``count``: how many of the likeliest are told; ``prompt_tokens``: length of the padded prompts."""
        self._count, self._start = count, prompt_tokens
        self._told: list[list[Told]] = [[] for _ in range(rows)]
        self._scores: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Shapes: (rows, tokens) and (rows, vocabulary); the scores come back as they are."""
        self._resolve(input_ids)
        self._scores = scores.clone()
        return scores

    def told(self, sequences: Tensor) -> list[list[Told]]:
        """Of each row's new tokens; ``sequences`` is what `generate` returned."""
        self._resolve(sequences)
        return self._told

    def _resolve(self, ids: Tensor) -> None:
        done = len(self._told[0])
        if self._scores is not None and ids.shape[1] > self._start + done:
            for row, token in enumerate(ids[:, self._start + done].tolist()):
                self._told[row].append(told(self._scores[row], token, self._count))
            self._scores = None


def processors(
    params: TextParams,
    starts: Sequence[int],
    prompt_tokens: int,
    eos: Sequence[int],
    bad_words: Sequence[Sequence[int]],
    draw: Draw,
    watch: Watch | None = None,
) -> LogitsProcessorList:
    """The chain for one batch of equal sampling parameters; `Watch`, where there is one, first, and `Draw` last."""
    chain: list[Any] = [] if watch is None else [watch]
    rows = [adjustments(params, prompt_tokens - start, eos, bad_words) for start in starts]
    if any(rows):
        chain.append(PerRow(rows, starts))
    if params.temperature > 0:
        if params.temperature != 1.0:
            chain.append(TemperatureLogitsWarper(params.temperature))
        if params.top_k:
            chain.append(TopKLogitsWarper(params.top_k))
        if params.top_p < 1.0:
            chain.append(TopPLogitsWarper(params.top_p))
        if params.min_p:
            chain.append(MinPLogitsWarper(params.min_p))
    return LogitsProcessorList([*chain, draw])
