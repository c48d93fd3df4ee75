"""Texts by stock transformers: `AutoModelForCausalLM.generate`, one planned batch a call, a seed per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, StoppingCriteriaList

from galley.engines.base import Figures, Made, Outcome, RequestError
from galley.engines.numerics import device, measure, settle
from galley.engines.sampling import Draw, StopTexts, Watch, processors
from galley.engines.splitting import outcomes
from galley.engines.text.language_model import LanguageModel, not_finite, text_params
from galley.items import Failure, Kind, Numerics, PlannedRequest, Request
from galley.model_files import ModelFiles


class StockTextEngine:
    """A causal language model, prompts padded on the left; see `LanguageModel` for what goes in and comes out."""

    kind: Kind = "text"
    planned_batches = True
    fallback = ""

    def __init__(self, files: ModelFiles, dtype: str, threads: int) -> None:
        """Take an inspected model directory and CPU threads to pin; nothing is loaded yet."""
        self._files, self._dtype, self._threads = files, dtype, threads
        self._language: Any = None
        self.figures = Figures()

    def setup(self) -> Numerics:
        """Load tokenizer and model onto the device."""
        settle(self._threads)
        self._language = LanguageModel(self._files, self._dtype)
        return measure("text", self._dtype)

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """Outcomes of one planned batch, in order."""
        return outcomes(requests, self._forward)

    def close(self) -> None:
        """Drop the model."""
        self._language = None

    def _forward(self, requests: Sequence[PlannedRequest]) -> Sequence[Made | Failure]:
        made: list[Made | Failure | None] = [None] * len(requests)
        encoded: dict[int, list[int]] = {}
        for index, planned in enumerate(requests):
            try:
                encoded[index] = self._language.encode(planned.request)
            except RequestError as error:
                made[index] = Failure(kind=error.kind, message=str(error))
        if encoded:
            chosen = [requests[index].request for index in encoded]
            for index, one in zip(encoded, self._continue(chosen, list(encoded.values())), strict=True):
                made[index] = one
        return [one for one in made if one is not None]

    def _continue(self, requests: Sequence[Request], encoded: Sequence[list[int]]) -> list[Made | Failure]:
        """One forward batch; all rows have equal parameters and fit."""
        params = text_params(requests[0])
        if any(request.params != params for request in requests):
            raise RequestError("mixed_batch", "rows of one batch must have equal sampling parameters")
        longest = max(map(len, encoded))
        starts = [longest - len(ids) for ids in encoded]
        where = device()
        ids = torch.tensor(
            [[self._language.pad] * start + row for start, row in zip(starts, encoded, strict=True)], device=where
        )
        mask = torch.tensor(
            [[0] * start + [1] * len(row) for start, row in zip(starts, encoded, strict=True)], device=where
        )
        draw = Draw([request.seed for request in requests], greedy=params.temperature == 0)
        watch = None if params.logprobs is None else Watch(len(requests), params.logprobs, longest)
        bad_words = self._language.spellings(params.bad_words)
        stop = StopTexts(self._language.tokenizer, params.stop, longest, len(requests)) if params.stop else None
        with torch.inference_mode():
            sequences = self._language.model.generate(
                ids,
                attention_mask=mask,
                generation_config=GenerationConfig(
                    do_sample=False,
                    max_new_tokens=params.max_new_tokens,
                    pad_token_id=self._language.pad,
                    eos_token_id=self._language.eos or None,
                ),
                logits_processor=processors(params, starts, longest, self._language.eos, bad_words, draw, watch),
                stopping_criteria=StoppingCriteriaList([stop] if stop else []),
            )
        told = watch.told(sequences) if watch else [[]] * len(requests)
        made = [
            self._language.made(
                sequences[row, longest:].tolist(),
                params,
                stop.ends[row] if stop else None,
                told[row],
                len(encoded[row]),
            )
            for row in range(len(requests))
        ]
        # Rows that have ended are computed until the last one ends.
        self.figures.add(sum(one.evaluations for one in made), len(made), sequences.shape[1] - longest)
        return [
            Failure(kind="not_finite", message=not_finite(self._dtype)) if broken else one
            for one, broken in zip(made, draw.broken, strict=True)
        ]
