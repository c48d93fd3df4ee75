"""Ways of making many texts: ours, and the peers at their best."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.generation import ContinuousBatchingConfig

from galley.engines.memory import free_memory
from galley.engines.numerics import device
from galley.engines.text.engine import SlotTextEngine
from galley.engines.text.int8 import quantise_model
from galley.engines.text.language_model import LanguageModel
from galley.items import PlannedRequest, TextParams
from galley.model_files import ModelFiles
from tests.benchmarks.harness import Peer, Say
from tests.jobs import planned, request

GRID = tuple({"max_batch_tokens": tokens, "page_size": page} for tokens in (128, 256, 512) for page in (64, 256))
"""How transformers' continuous batching is tuned; block sharing stays on."""
MEMORY_TOKENS = 32_768
"""Tokens that its cache holds in all: more than any workload here has alive at once."""


@dataclass(frozen=True)
class Asked:
    """One text: a prompt as tokens, each a letter, and how many are to come."""

    prompt: tuple[int, ...]
    tokens: int


def mixed(count: int, seed: int = 0) -> list[Asked]:
    """Prompts of 8 to 64 tokens; outputs of geometric length, 40 in the mean and 160 at most."""
    rng = random.Random(seed)
    asked = []
    for _ in range(count):
        length = 1
        while length < 160 and rng.random() > 1 / 40:
            length += 1
        asked.append(Asked(tuple(rng.randrange(97, 123) for _ in range(rng.randint(8, 64))), length))
    return asked


def prefixed(count: int, shared: int = 192, tokens: int = 32, seed: int = 0) -> list[Asked]:
    """Prompts that begin with the same ``shared`` tokens and go on with 8 to 24 of their own."""
    rng = random.Random(seed)

    def letters(length: int) -> tuple[int, ...]:
        return tuple(rng.randrange(97, 123) for _ in range(length))

    beginning = letters(shared)
    return [Asked(beginning + letters(rng.randint(8, 24)), tokens) for _ in range(count)]


def useful(asked: Sequence[Asked]) -> int:
    """Tokens that somebody asked for."""
    return sum(each.tokens for each in asked)


def requests(files: ModelFiles, asked: Sequence[Asked], **params: Any) -> list[PlannedRequest]:
    """As an engine of ours takes them."""
    return [
        planned(
            request("text", bytes(each.prompt).decode(), files.digest, seed=n, max_new_tokens=each.tokens, **params)
        )
        for n, each in enumerate(asked)
    ]


def slots(
    name: str,
    files: ModelFiles,
    dtype: str,
    threads: int,
    asked: Sequence[Asked],
    say: Say,
    *,
    longest_first: bool = False,
    exact: bool = True,
    certificate: str = "",
    **params: Any,
) -> tuple[Peer, SlotTextEngine]:
    """Our slot engine, and the engine itself for its figures; by default it is not told how long outputs will be.

    ``certificate``: what another engine of the same model and dtype found; without it this one finds its own.
    """
    engine = SlotTextEngine(files, dtype, threads, longest_first=longest_first, exact=exact, certificate=certificate)
    numerics = engine.setup()
    say(f"{name}: {numerics.certificate or ('no row counts are certified' if exact else 'any row count')}")
    wanted = requests(files, asked, **params)

    def run() -> float:
        engine._prefixes.clear()  # as the peers' managers, which are made anew, a round begins with none
        outcomes = list(engine.generate(wanted))
        made = sum(outcome.made.evaluations for outcome in outcomes if outcome.made)
        assert made == useful(asked), (made, useful(asked))
        return made

    return Peer(name, run, f"{dtype}, {numerics.certificate}"), engine


@torch.inference_mode()
def perplexity(files: ModelFiles, dtype: str, lines: Sequence[str]) -> float:
    """Of these texts, each by itself."""
    language = LanguageModel(files, dtype)
    nats, count = 0.0, 0
    for line in lines:
        ids = torch.tensor([language.tokenizer(line).input_ids], device=device())
        logprobs = language.model(ids).logits[0, :-1].double().log_softmax(-1)
        nats -= float(logprobs.gather(1, ids[0, 1:, None]).sum())
        count += ids.shape[1] - 1
    return math.exp(nats / count)


def load(files: ModelFiles, dtype: str, attention: str = "sdpa") -> Any:
    """A fresh model object of transformers; int8 with the linear layers of ours."""
    wide = torch.float32 if dtype == "int8" else getattr(torch, dtype)
    model = AutoModelForCausalLM.from_pretrained(files.directory, dtype=wide, attn_implementation=attention).eval()
    model.to(device())
    if dtype == "int8":
        quantise_model(model)
    return model


def generation(params: TextParams, **more: Any) -> GenerationConfig:
    """The same sampling in transformers' own words."""
    sampling = {"do_sample": False}
    if params.temperature > 0:
        sampling = {"do_sample": True, "temperature": params.temperature, "top_p": params.top_p, "top_k": 0}
    return GenerationConfig(**sampling, pad_token_id=0, **more)


def one_by_one(name: str, files: ModelFiles, dtype: str, asked: Sequence[Asked], params: TextParams) -> Peer:
    """Stock `generate`, a request at a time."""
    model = load(files, dtype)

    def run() -> float:
        with torch.inference_mode():
            for each in asked:
                model.generate(
                    torch.tensor([each.prompt], device=model.device),
                    generation_config=generation(params, max_new_tokens=each.tokens),
                )
        return useful(asked)

    return Peer(name, run, f"{dtype}, {len(asked)} of the requests")


def padded(name: str, files: ModelFiles, dtype: str, asked: Sequence[Asked], params: TextParams, rows: int) -> Peer:
    """Stock `generate` over static batches in arrival order, padded on the left, each as long as its longest output."""
    model = load(files, dtype)

    def run() -> float:
        with torch.inference_mode():
            for start in range(0, len(asked), rows):
                part = asked[start : start + rows]
                longest = max(len(each.prompt) for each in part)
                ids = torch.tensor([[0] * (longest - len(each.prompt)) + list(each.prompt) for each in part])
                mask = torch.tensor([[0] * (longest - len(each.prompt)) + [1] * len(each.prompt) for each in part])
                most = max(each.tokens for each in part)
                ids, mask = ids.to(model.device), mask.to(model.device)
                model.generate(ids, attention_mask=mask, generation_config=generation(params, max_new_tokens=most))
        return useful(asked)

    return Peer(name, run, f"{dtype}, {rows} rows")


def continuous(
    name: str, files: ModelFiles, dtype: str, asked: Sequence[Asked], params: TextParams, say: Say, grid: Any = GRID
) -> Peer:
    """transformers' continuous batching, at the fastest setting of the grid."""
    model = load(files, dtype)

    def once(setting: dict[str, int]) -> float:
        free_memory()  # caches of former calls, which it would count as taken
        config = ContinuousBatchingConfig(
            num_blocks=MEMORY_TOKENS // setting["page_size"], allow_block_sharing=True, **setting
        )
        longest = max(each.tokens for each in asked)
        with (
            torch.no_grad(),
            model.continuous_batching_context_manager(
                generation_config=generation(params, max_new_tokens=longest), continuous_batching_config=config
            ) as manager,
        ):
            for number, each in enumerate(asked):
                manager.add_request(list(each.prompt), request_id=str(number), max_new_tokens=each.tokens)
            made = left = 0
            left = len(asked)
            while left:
                result = manager.get_result(timeout=1)
                if result is not None and result.is_finished():
                    made, left = made + len(result.generated_tokens), left - 1
                elif result is None and not manager.is_running():
                    raise RuntimeError("continuous batching ended before it was done")
        assert made == useful(asked), (made, useful(asked))
        return made

    best = dict(_fastest(once, grid, name, say))
    return Peer(name, lambda: once(best), f"{dtype}, {best}, block sharing on")


def _fastest(once: Callable[[dict[str, int]], float], grid: Sequence[dict[str, int]], name: str, say: Say) -> Any:
    rates = []
    for setting in grid:
        began = time.perf_counter()
        done = once(setting)
        rates.append(done / (time.perf_counter() - began))
        say(f"tuning {name}: {setting} {rates[-1]:.1f}/s")
    return grid[rates.index(max(rates))]
