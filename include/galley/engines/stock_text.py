"""Texts by stock transformers: `AutoModelForCausalLM.generate`, one planned batch a call, a seed per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, StoppingCriteriaList

from galley.engines.base import FinishReason, Made, Outcome, RequestError
from galley.engines.memory import is_out_of_memory
from galley.engines.numerics import device, measure, settle
from galley.engines.sampling import Draw, StopTexts, processors
from galley.engines.splitting import outcomes
from galley.errors import JobInterrupted, ModelRefused
from galley.items import Failure, Kind, Numerics, PlannedRequest, Request, TextParams
from galley.model_files import ModelFiles


class StockTextEngine:
    """A causal language model.

    Rows are padded on the left. A prompt goes in as it stands; a chat is rendered by the tokenizer's own template, and
    fails where it has none. Sampling parameters are the request's alone: what the model's ``generation_config.json``
    says of them is not used (the registry's ``params`` are the place for a model's defaults), its end tokens are.
    """

    kind: Kind = "text"
    planned_batches = True

    def __init__(self, files: ModelFiles, dtype: str, threads: int) -> None:
        """Take an inspected model directory and CPU threads to pin; nothing is loaded yet."""
        self._files, self._dtype, self._threads = files, dtype, threads
        self._model: Any = None
        self._tokenizer: Any = None
        self._eos: list[int] = []
        self._pad = 0

    def setup(self) -> Numerics:
        """Load tokenizer and model onto the device."""
        settle(self._threads)
        safe = {"local_files_only": True, "trust_remote_code": False}
        directory = str(self._files.directory)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(directory, **safe)
            self._model = AutoModelForCausalLM.from_pretrained(
                directory, dtype=getattr(torch, self._dtype), use_safetensors=True, **safe
            )
            self._model.to(device()).eval()
        except Exception as error:
            if is_out_of_memory(error):
                raise JobInterrupted(f'no memory to load the model in "{directory}": {error}') from error
            raise ModelRefused(f'model "{directory}" cannot be loaded as a causal language model: {error}') from error
        own = self._model.generation_config.eos_token_id
        own = self._tokenizer.eos_token_id if own is None else own
        self._eos = [] if own is None else [own] if isinstance(own, int) else list(own)
        pad = self._tokenizer.pad_token_id
        self._pad = pad if pad is not None else self._eos[0] if self._eos else 0
        # Whatever the request does not say must not come from the model's file of generation defaults.
        self._model.generation_config = GenerationConfig(pad_token_id=self._pad, eos_token_id=self._eos or None)
        return measure("text", self._dtype)

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """Outcomes of one planned batch, in order."""
        return outcomes(requests, self._forward)

    def close(self) -> None:
        """Drop the model."""
        self._model = self._tokenizer = None

    def _forward(self, requests: Sequence[PlannedRequest]) -> Sequence[Made | Failure]:
        made: list[Made | Failure | None] = [None] * len(requests)
        encoded: dict[int, list[int]] = {}
        for index, planned in enumerate(requests):
            try:
                encoded[index] = self._encode(planned.request)
            except RequestError as error:
                made[index] = Failure(kind=error.kind, message=str(error))
        if encoded:
            chosen = [requests[index].request for index in encoded]
            for index, one in zip(encoded, self._continue(chosen, list(encoded.values())), strict=True):
                made[index] = one
        return [one for one in made if one is not None]

    def _encode(self, request: Request) -> list[int]:
        """Token ids of the prompt; raises `RequestError` where there can be none."""
        params = _params(request)
        if request.messages:
            if not getattr(self._tokenizer, "chat_template", None):
                raise RequestError(
                    "no_chat_template",
                    f'model "{request.model}" has no chat template, so it cannot take messages; give a prompt instead',
                )
            turns = [message.model_dump() for message in request.messages]
            try:
                text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            except Exception as error:  # a template may raise anything; most refuse an order of roles
                raise RequestError("chat_template", f"the model's chat template refuses it: {error}") from error
            ids = self._tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        else:
            ids = self._tokenizer(request.prompt, verbose=False).input_ids
        if not ids:
            raise RequestError("empty_prompt", "the prompt has no tokens for this model; give it at least one word")
        room = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if room and len(ids) + params.max_new_tokens > room:
            raise RequestError(
                "prompt_too_long",
                f"the prompt has {len(ids)} tokens and max_new_tokens is {params.max_new_tokens}, together more than "
                f"the model's {room}; shorten one of them",
            )
        return list(ids)

    def _continue(self, requests: Sequence[Request], encoded: Sequence[list[int]]) -> list[Made | Failure]:
        """One forward batch; all rows have equal parameters and fit."""
        params = _params(requests[0])
        if any(request.params != params for request in requests):
            raise RequestError("mixed_batch", "rows of one batch must have equal sampling parameters")
        longest = max(map(len, encoded))
        starts = [longest - len(ids) for ids in encoded]
        where = device()
        ids = torch.tensor(
            [[self._pad] * start + row for start, row in zip(starts, encoded, strict=True)], device=where
        )
        mask = torch.tensor(
            [[0] * start + [1] * len(row) for start, row in zip(starts, encoded, strict=True)], device=where
        )
        draw = Draw([request.seed for request in requests], greedy=params.temperature == 0)
        stop = StopTexts(self._tokenizer, params.stop, longest, len(requests)) if params.stop else None
        with torch.inference_mode():
            sequences = self._model.generate(
                ids,
                attention_mask=mask,
                generation_config=GenerationConfig(
                    do_sample=False,
                    max_new_tokens=params.max_new_tokens,
                    pad_token_id=self._pad,
                    eos_token_id=self._eos or None,
                ),
                logits_processor=processors(params, starts, longest, self._eos, draw),
                stopping_criteria=StoppingCriteriaList([stop] if stop else []),
            )
        return [
            self._made(sequences[row, longest:].tolist(), params, stop.ends[row] if stop else None)
            if not draw.broken[row]
            else Failure(
                kind="not_finite",
                message=f"the model's scores are no numbers ({self._dtype}); try float32, or other sampling parameters",
            )
            for row in range(len(requests))
        ]

    def _made(self, tokens: list[int], params: TextParams, stopped_at: int | None) -> Made:
        """Text of one row's new tokens, cut at its end token or stop text."""
        reason: FinishReason = "length"
        if stopped_at is not None:
            tokens, reason = tokens[:stopped_at], "stop"
        ended = next((at for at, token in enumerate(tokens) if token in self._eos), None)
        if ended is not None:
            tokens, reason = tokens[: ended + 1], "stop"
        text = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        cuts = [at for at in (text.find(stop) for stop in params.stop) if at >= 0]
        if cuts:
            text, reason = text[: min(cuts)], "stop"
        return Made(text.encode(), evaluations=len(tokens), finish_reason=reason)


def _params(request: Request) -> TextParams:
    if not isinstance(request.params, TextParams):
        raise RequestError("wrong_kind", "a request for an image came to the text engine")
    return request.params
