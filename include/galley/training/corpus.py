"""The training text of the text starters: documents by seed, the tokenizer, and packed batches by (seed, step).

Documents come in chunks that depend on (seed, chunk) alone, so that the corpus is the same whatever the number of
worker processes. It is made once and kept under the work directory, named by the digest of all that it depends on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from galley.training import dialogues, grammar, product_copy, product_words

Task = TypeVar("Task")
Result = TypeVar("Result")

END_OF_TEXT = "<|endoftext|>"
"""Token 0: ends every document, pads every batch."""

CHUNK = 2000
"""Documents per chunk."""

TOKENIZER_CHUNKS = 12
"""Chunks of copy (and half as many of dialogues) that the tokenizer is trained on."""


@dataclass(frozen=True)
class CorpusPlan:
    """What a corpus consists of.

    Attributes:
        seed: of everything in it.
        copy_chunks: chunks of product copy.
        dialogue_chunks: chunks of support dialogues.
        vocabulary: size of the tokenizer's vocabulary at most.
    """

    seed: int = 1
    copy_chunks: int = 200
    dialogue_chunks: int = 80
    vocabulary: int = 3200

    def digest(self) -> str:
        """Sixteen hex digits of everything that the corpus depends on: this plan and the grammars' source."""
        sources = [
            Path(str(module.__file__)).read_bytes() for module in (grammar, product_words, product_copy, dialogues)
        ]
        parts = [repr(asdict(self)).encode(), str(CHUNK).encode(), *sources]
        return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


@dataclass(frozen=True)
class Corpus:
    """Tokenised documents, end to end.

    Attributes:
        tokens: uint16, one dimension; every document ends with token 0.
        offsets: int64, number of documents + 1: document i is ``tokens[offsets[i]:offsets[i + 1]]``.
    """

    tokens: np.ndarray[Any, np.dtype[np.uint16]]
    offsets: np.ndarray[Any, np.dtype[np.int64]]

    def batch(self, seed: int, step: int, rows: int, length: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Packed rows that depend on (seed, step) alone; shape (rows, length + 1), inputs and targets overlapping.

        Every row starts with the start of a document, half of the rows with the end-of-text token before it, so that
        a prompt at position 0 is seen as often as one in the middle of a context. Documents are drawn with replacement.
        """
        rng = np.random.default_rng((seed, step))
        packed: np.ndarray[Any, np.dtype[np.int64]] = np.empty((rows, length + 1), dtype=np.int64)
        for row in packed:
            at = int(rng.integers(2))
            row[:at] = 0
            while at <= length:
                document = int(rng.integers(len(self.offsets) - 1))
                piece = self.tokens[self.offsets[document] : self.offsets[document + 1]][: length + 1 - at]
                row[at : at + len(piece)] = piece
                at += len(piece)
        return packed


def copy_texts(seed: int, chunk: int, count: int = CHUNK) -> list[str]:
    """One chunk of training copy as whole lines."""
    return [document.text for document in product_copy.documents(seed, chunk, count)]


def dialogue_texts(seed: int, chunk: int, count: int = CHUNK) -> list[str]:
    """One chunk of training dialogues."""
    return [dialogue.text for dialogue in dialogues.documents(seed, chunk, count)]


def train_tokenizer(plan: CorpusPlan) -> Tokenizer:
    """Byte-level BPE (GPT-2's pre-tokenizer) trained on the first chunks of the corpus; depends on the plan alone."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=plan.vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )

    def texts() -> Iterator[str]:
        for chunk in range(min(TOKENIZER_CHUNKS, plan.copy_chunks)):
            yield from copy_texts(plan.seed, chunk)
        for chunk in range(min(TOKENIZER_CHUNKS // 2, plan.dialogue_chunks)):
            yield from dialogue_texts(plan.seed, chunk)

    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer


def processes(limit: int = 16) -> int:
    """Worker processes to use: the processors that this process may run on, at most ``limit``."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(limit, available))


def in_processes(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """``map`` over worker processes, in order. Spawned, not forked: the parent may hold threads and a GPU."""
    with ProcessPoolExecutor(processes(), mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, tasks)


def _tokenise(tokenizer: str, seed: int, task: tuple[str, int]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the processes are the parallelism
    kind, chunk = task
    texts = copy_texts(seed, chunk) if kind == "copy" else dialogue_texts(seed, chunk)
    rows = [[*encoding.ids, 0] for encoding in Tokenizer.from_str(tokenizer).encode_batch(texts)]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return np.array([token for row in rows for token in row], dtype=np.uint16), lengths


def load_corpus(plan: CorpusPlan, work: Path, say: Callable[[str], None]) -> tuple[Corpus, Tokenizer]:
    """The corpus and its tokenizer, from ``work`` where they are already made; written by rename, so never half."""
    directory = work / f"corpus-{plan.digest()}"
    if not directory.exists():
        partial_directory = work / f"{directory.name}.partial"
        partial_directory.mkdir(parents=True, exist_ok=True)
        tokenizer = train_tokenizer(plan)
        tasks = [("copy", n) for n in range(plan.copy_chunks)] + [("dialogue", n) for n in range(plan.dialogue_chunks)]
        say(f"writing {len(tasks) * CHUNK} documents in {processes()} processes")
        parts = list(in_processes(partial(_tokenise, tokenizer.to_str(), plan.seed), tasks))
        np.save(partial_directory / "tokens.npy", np.concatenate([tokens for tokens, _ in parts]))
        lengths = np.concatenate([lengths for _, lengths in parts])
        np.save(partial_directory / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        tokenizer.save(str(partial_directory / "tokenizer.json"))
        partial_directory.rename(directory)
    corpus = Corpus(np.load(directory / "tokens.npy"), np.load(directory / "offsets.npy"))
    say(f"corpus: {len(corpus.offsets) - 1} documents, {len(corpus.tokens)} tokens")
    return corpus, Tokenizer.from_file(str(directory / "tokenizer.json"))
