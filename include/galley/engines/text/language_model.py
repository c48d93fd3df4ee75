"""A causal language model and its tokenizer, loaded from an inspected directory: prompts in, texts out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from galley.engines.base import FinishReason, Made, RequestError
from galley.engines.memory import is_out_of_memory
from galley.engines.numerics import device
from galley.engines.sampling import Told
from galley.engines.text.int8 import quantise_model
from galley.engines.text.pieces import Pieces
from galley.errors import JobInterrupted, ModelRefused
from galley.items import Request, TextParams
from galley.model_files import ModelFiles

INT8 = "int8"


class LanguageModel:
    """What both text engines need of a model. A prompt goes in as it stands; a chat is rendered by the tokenizer's own
    template, and fails where it has none. Sampling parameters are the request's alone: what the model's
    ``generation_config.json`` says of them is not used (the registry's ``params`` are the place for a model's
    defaults), its end tokens are.

    Attributes:
        model: on the device, in evaluation mode.
        tokenizer: the directory's.
        eos: end tokens; may be none.
        pad: a token to fill rows with.
    """

    def __init__(self, files: ModelFiles, dtype: str, attention: str | None = None) -> None:
        """Load; ``attention`` names an implementation other than the model's default.

        ``dtype`` is one of torch, or ``int8``: weights as `galley.engines.text.int8` has them, all else in float32.

        Raises `ModelRefused` where the files are no causal language model, `JobInterrupted` where memory is short.
        """
        safe = {"local_files_only": True, "trust_remote_code": False}
        chosen = {} if attention is None else {"attn_implementation": attention}
        directory = str(files.directory)
        loaded = torch.float32 if dtype == INT8 else getattr(torch, dtype)
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(directory, **safe)
            self.model: Any = AutoModelForCausalLM.from_pretrained(
                directory, dtype=loaded, use_safetensors=True, **chosen, **safe
            )
            if dtype == INT8:
                quantise_model(self.model)
            self.model.to(device()).eval()
        except Exception as error:
            if is_out_of_memory(error):
                raise JobInterrupted(f'no memory to load the model in "{directory}": {error}') from error
            raise ModelRefused(f'model "{directory}" cannot be loaded as a causal language model: {error}') from error
        own = self.model.generation_config.eos_token_id
        own = self.tokenizer.eos_token_id if own is None else own
        self.eos: list[int] = [] if own is None else [own] if isinstance(own, int) else list(own)
        self._pieces = Pieces(self.tokenizer)
        pad = self.tokenizer.pad_token_id
        self.pad: int = pad if pad is not None else self.eos[0] if self.eos else 0
        if self.pad >= self.vocabulary:  # an added token without a row in the embedding
            self.pad = 0
        # Whatever the request does not say must not come from the model's file of generation defaults.
        self.model.generation_config = GenerationConfig(pad_token_id=self.pad, eos_token_id=self.eos or None)

    @property
    def vocabulary(self) -> int:
        """Tokens that the model has; a tokenizer may have more."""
        return int(self.model.config.get_text_config().vocab_size)

    @property
    def room(self) -> int | None:
        """Positions the model has, prompt and output together; None where its configuration does not say."""
        found = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return int(found) if found else None

    def encode(self, request: Request) -> list[int]:
        """Token ids of the prompt; raises `RequestError` where there can be none."""
        params = text_params(request)
        if request.messages:
            if not getattr(self.tokenizer, "chat_template", None):
                raise RequestError(
                    "no_chat_template",
                    f'model "{request.model}" has no chat template, so it cannot take messages; give a prompt instead',
                )
            turns = [message.model_dump() for message in request.messages]
            try:
                text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            except Exception as error:  # a template may raise anything; most refuse an order of roles
                raise RequestError("chat_template", f"the model's chat template refuses it: {error}") from error
            ids = self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        else:
            ids = self.tokenizer(request.prompt, verbose=False).input_ids
        if not ids:
            raise RequestError("empty_prompt", "the prompt has no tokens for this model; give it at least one word")
        if self.room and len(ids) + params.max_new_tokens > self.room:
            raise RequestError(
                "prompt_too_long",
                f"the prompt has {len(ids)} tokens and max_new_tokens is {params.max_new_tokens}, together more than "
                f"the model's {self.room}; shorten one of them",
            )
        vocabulary = self.vocabulary
        if max(ids) >= vocabulary:
            raise RequestError(
                "unknown_token",
                f"the prompt has token {max(ids)}, {self.tokenizer.decode([max(ids)])!r}, and model "
                f'"{request.model}" has tokens 0 to {vocabulary - 1}; leave it out',
            )
        if beyond := [token for token in params.logit_bias if int(token) >= vocabulary]:
            raise RequestError(
                "unknown_token",
                f'logit_bias names token {beyond[0]}, and model "{request.model}" has tokens 0 to {vocabulary - 1}; '
                "give ids of this model's tokenizer",
            )
        return list(ids)

    def spellings(self, words: Sequence[str]) -> list[list[int]]:
        """Token ids of each word as it stands and after a space, which most tokenizers tell apart; no end tokens."""
        spelled = [word for each in words for word in (each, f" {each.lstrip()}")]
        found = [tuple(self.tokenizer(word, add_special_tokens=False).input_ids) for word in spelled]
        ends = {(token,) for token in self.eos}
        # What the model has no token for it cannot say.
        known = (ids for ids in dict.fromkeys(found) if ids and max(ids) < self.vocabulary)
        return [list(ids) for ids in known if ids not in ends]

    def made(
        self,
        tokens: Sequence[int],
        params: TextParams,
        stopped_at: int | None = None,
        told: Sequence[Told] = (),
        prompt_tokens: int = 0,
    ) -> Made:
        """Text of new tokens, cut at an end token or stop text.

        Args:
            tokens: those that were said.
            params: of the request.
            stopped_at: how many there were when a stop text was seen; those behind it are padding.
            told: of each token, where the request asks for it.
            prompt_tokens: of the prompt.
        """
        tokens = list(tokens)
        reason: FinishReason = "length"
        if stopped_at is not None:
            tokens, reason = tokens[:stopped_at], "stop"
        ended = next((at for at, token in enumerate(tokens) if token in self.eos), None)
        if ended is not None:
            tokens, reason = tokens[: ended + 1], "stop"
        text = self._decoded(tokens)
        shown = len(tokens)
        cuts = [at for at in (text.find(stop) for stop in params.stop) if at >= 0]
        if cuts:
            text, reason = text[: min(cuts)], "stop"
            while shown and self._decoded(tokens[: shown - 1]).startswith(text):
                shown -= 1
        logprobs = None
        if params.logprobs is not None:
            logprobs = self._pieces.logprobs([each for each in told[:shown] if each.token not in self.eos])
        return Made(
            text.encode(),
            evaluations=len(tokens),
            prompt_tokens=prompt_tokens,
            finish_reason=reason,
            logprobs=logprobs,
        )

    def _decoded(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def text_params(request: Request) -> TextParams:
    """The request's parameters; raises `RequestError` for a request for an image."""
    if not isinstance(request.params, TextParams):
        raise RequestError("wrong_kind", "a request for an image came to the text engine")
    return request.params


def not_finite(dtype: str) -> str:
    """What to tell of a row whose scores are no numbers."""
    return f"the model's scores are no numbers ({dtype}); try float32, or other sampling parameters"
