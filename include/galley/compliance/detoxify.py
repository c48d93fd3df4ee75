"""Detoxify models from a local, pinned, pickle-free directory, over texts of any length.

The network, the tokenizer and the prediction are Detoxify's own (`detoxify.detoxify.get_model_and_tokenizer` and
`detoxify.Detoxify.predict`); only what reads the checkpoint is replaced, because upstream unpickles it and may ask the
hub. The directory layout, and what is refused, is in `galley.compliance.detoxify_layout`; it serves the starter model
and the public ``original``, ``unbiased`` and ``multilingual`` checkpoints alike, once converted
(`galley.compliance.detoxify_convert`).

Where upstream cuts a text at 512 tokens, every text is read here to its end, in overlapping windows.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from detoxify import Detoxify
from detoxify.detoxify import get_model_and_tokenizer
from safetensors.torch import load

from galley.compliance.detoxify_layout import WEIGHTS, Manifest, verified_manifest
from galley.compliance.windows import Span, Token, windows
from galley.errors import CheckError, ModelRefused

CHANGED_NAMES = {"toxic": "toxicity", "identity_hate": "identity_attack", "severe_toxic": "severe_toxicity"}
"""Names of the Jigsaw data to Detoxify's standard ones, as in `detoxify.detoxify.load_checkpoint`."""

Scores = Mapping[str, float]


@dataclass(frozen=True)
class ToxicityScores:
    """What a model says of one text.

    Attributes:
        scores: probability in [0, 1] per class, the highest over all windows.
        spans: per class the window that scored highest: start and end in characters, end exclusive.
        windows: how many windows the text was read in.
    """

    scores: Mapping[str, float]
    spans: Mapping[str, Span]
    windows: int


class _Local(Detoxify):
    """A Detoxify whose parts are given, instead of unpickled from a checkpoint; `predict` is upstream's."""

    def __init__(self, model: Any, tokenizer: Any, class_names: list[str], device: str) -> None:
        self.model, self.tokenizer, self.class_names = model.to(device), tokenizer, class_names
        self.device = device


class ToxicityModel:
    """A toxicity classifier; make one with `load`.

    Attributes:
        class_names: the classes it scores, Detoxify's standard names, in the order of the outputs.
        digest: content digest of everything that decides a score: weights, configuration, tokenizer, class names.
        limit: tokens of one window, the special ones included.
    """

    def __init__(self, detoxify: Detoxify, *, digest: str, limit: int) -> None:
        self._detoxify = detoxify
        self.class_names: tuple[str, ...] = tuple(detoxify.class_names)
        self.digest = digest
        self.limit = limit

    @classmethod
    def load(cls, directory: Path, *, sha256: str | None = None, device: str = "cpu") -> ToxicityModel:
        """Load a model directory without pickle and without a network.

        Args:
            directory: a directory in the layout of `galley.compliance.detoxify_layout`.
            sha256: the content digest it must have (`digest`, printed by the conversion); None accepts any model whose
                files are those of its own manifest.
            device: where to run it.

        Raises:
            ModelNotFound: there is no such model, or part of it is missing.
            ModelRefused: another digest; pickled weights, code, or a configuration that asks for code; or weights that
                do not fill the network exactly.
        """
        manifest = verified_manifest(directory, sha256=sha256)
        content = (directory / WEIGHTS).read_bytes()
        # Hashed once more from the very bytes that are parsed: the file may have changed since it was verified.
        if hashlib.sha256(content).hexdigest() != manifest.sha256[WEIGHTS]:
            raise ModelRefused(f'"{directory / WEIGHTS}": changed while it was being loaded; load it again')
        try:
            state = {name: value.float() for name, value in load(content).items()}
        except Exception as error:
            raise ModelRefused(f'"{directory / WEIGHTS}": not a safetensors file: {error}') from error
        model, tokenizer = _network(directory, manifest, state)
        limit = _limit(model.config, tokenizer)
        tokenizer.model_max_length = limit
        names = [CHANGED_NAMES.get(name, name) for name in manifest.config.dataset.args.classes]
        return cls(_Local(model, tokenizer, names, device), digest=manifest.digest, limit=limit)

    def score(
        self, texts: Sequence[str], *, batch_size: int = 32, window: int | None = None, overlap: int | None = None
    ) -> list[ToxicityScores]:
        """Score every text over its whole length.

        Scores of a text do not depend on its neighbours beyond rounding (about 1e-6): padding is masked, and results go
        back by position.

        Args:
            texts: any texts, the empty one included.
            batch_size: windows in one forward pass.
            window: tokens of a window, special ones included; None for the model's limit. Smaller windows find a short
                insult in a long text more surely and cost more passes.
            overlap: tokens that neighbouring windows share, half of one at most; None for a quarter of the window.

        Returns:
            One result per text, in order.

        Raises:
            CheckError: the model failed, or a score is missing or not a number in [0, 1]; no text has a score then.
        """
        size = min(window or self.limit, self.limit) - self._specials
        shared = size // 4 if overlap is None else min(overlap, size // 2)
        jobs = [
            (owner, span)
            for owner, text in enumerate(texts)
            for span in windows(text, self._tokens, limit=size, overlap=shared)
        ]
        found: list[Scores | None] = [None] * len(jobs)
        # Windows of similar length share a pass, so that little of it is padding.
        order = sorted(range(len(jobs)), key=lambda job: jobs[job][1][1] - jobs[job][1][0])
        for first in range(0, len(order), batch_size):
            chunk = order[first : first + batch_size]
            pieces = [texts[jobs[job][0]][slice(*jobs[job][1])] for job in chunk]
            for job, scores in zip(chunk, self._predict(pieces), strict=True):
                found[job] = scores
        scored: list[list[tuple[Span, Scores]]] = [[] for _ in texts]
        for (owner, span), scores_or_none in zip(jobs, found, strict=True):
            if scores_or_none is None:
                raise CheckError(f"toxicity: window {span} of text {owner} was not scored")
            scored[owner].append((span, scores_or_none))
        return [self._strictest(parts) for parts in scored]

    def _predict(self, pieces: list[str]) -> list[Scores]:
        """One forward pass through Detoxify's own `predict`, its answer checked and turned to one mapping per piece."""
        try:
            answer = self._detoxify.predict(pieces)
        except Exception as error:
            raise CheckError(f"toxicity: the model failed on {len(pieces)} windows: {error}") from error
        if not isinstance(answer, dict) or tuple(answer) != self.class_names:
            raise CheckError(f"toxicity: the model answered {type(answer).__name__} instead of {self.class_names}")
        columns: list[list[float]] = []
        for name, values in answer.items():
            column = list(values) if isinstance(values, list) else [values]
            if len(column) != len(pieces):
                raise CheckError(f"toxicity: {len(column)} scores of {name} for {len(pieces)} windows")
            for value in column:
                if not isinstance(value, float) or not math.isfinite(value) or not 0.0 <= value <= 1.0:
                    raise CheckError(f"toxicity: score of {name} is {value!r}, not a number in [0, 1]")
            columns.append(column)
        return [dict(zip(self.class_names, row, strict=True)) for row in zip(*columns, strict=True)]

    def _strictest(self, parts: list[tuple[Span, Scores]]) -> ToxicityScores:
        best = {name: max(parts, key=lambda part: part[1][name]) for name in self.class_names}
        return ToxicityScores(
            scores=MappingProxyType({name: scores[name] for name, (_, scores) in best.items()}),
            spans=MappingProxyType({name: span for name, (span, _) in best.items()}),
            windows=len(parts),
        )

    @property
    def _specials(self) -> int:
        return int(self._detoxify.tokenizer.num_special_tokens_to_add(pair=False))

    def _tokens(self, text: str) -> list[Token]:
        tokenizer = self._detoxify.tokenizer
        encoding = tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        return [
            Token(start, end, word, identifier != tokenizer.unk_token_id)
            for (start, end), word, identifier in zip(
                encoding["offset_mapping"], encoding.word_ids(), encoding["input_ids"], strict=True
            )
        ]


def _network(directory: Path, manifest: Manifest, state: dict[str, torch.Tensor]) -> tuple[Any, Any]:
    """Detoxify's model and tokenizer, and the proof that every weight of the network came from ``state``."""
    arch = manifest.config.arch.args
    try:
        model, tokenizer = get_model_and_tokenizer(
            model_type=str(directory),
            model_name=arch.model_name,
            tokenizer_name=arch.tokenizer_name,
            num_classes=arch.num_classes,
            state_dict=state,
            huggingface_config_path=str(directory),
        )
    except Exception as error:
        raise ModelRefused(f'"{directory}": transformers cannot build {arch.model_name} from it: {error}') from error
    if model.config.num_labels != arch.num_classes:
        raise ModelRefused(
            f'"{directory / "config.json"}": {model.config.num_labels} labels, '
            f"the checkpoint has {arch.num_classes} outputs"
        )
    # transformers fills what a state dict lacks with random numbers and only warns: a classifier of noise.
    filled = model.state_dict()
    wrong = [name for name, value in filled.items() if name not in state or not torch.equal(value.cpu(), state[name])]
    if wrong:
        raise ModelRefused(
            f'"{directory / WEIGHTS}": {len(wrong)} of {len(filled)} weights are missing or do not fit, '
            f"{wrong[0]} first; convert the checkpoint again with the config directory that belongs to it"
        )
    return model.eval(), tokenizer


def _limit(config: Any, tokenizer: Any) -> int:
    """Tokens of one forward pass: the tokenizer's limit, and never more than the network has positions for."""
    positions = int(config.max_position_embeddings)
    if config.model_type in ("roberta", "xlm-roberta"):
        positions -= int(config.pad_token_id) + 1  # they count positions from behind the padding index
    return min(positions, int(tokenizer.model_max_length))
