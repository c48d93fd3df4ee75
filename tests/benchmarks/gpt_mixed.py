"""gpt-mixed: texts of many lengths, against every other way of making them with transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from galley.engines.text.engine import SlotTextEngine
from galley.items import TextParams
from galley.model_files import inspect
from galley.training.product_copy import documents
from tests.benchmarks import dtypes, texts
from tests.benchmarks.harness import Peer, Report, Say, Target, machine, paired, race, ratio
from tests.benchmarks.models import gpt2

SAMPLED = {"temperature": 0.8, "top_p": 0.95}


WORSE = 1.01
"""How much more perplexed than in float32 the starter may be in a dtype that is to count as good."""


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Useful tokens a second, in the dtypes that the machine has instructions for."""
    files = gpt2(2, 64) if quick else gpt2()
    asked = texts.mixed(12 if quick else 64)
    few = asked[: 3 if quick else 6]
    greedy, sampled = TextParams(temperature=0), TextParams(**SAMPLED)
    grid = texts.GRID[:1] if quick else texts.GRID
    peers: list[Peer] = []
    engines: dict[str, SlotTextEngine] = {}
    certificates: dict[str, str] = {}

    def ours(name: str, dtype: str, *, longest_first: bool = False, **params: float) -> None:
        peer, engines[name] = texts.slots(
            name,
            files,
            dtype,
            threads,
            asked,
            say,
            longest_first=longest_first,
            certificate=certificates.get(dtype, ""),
            **params,
        )
        certificates[dtype] = engines[name].certificate
        peers.append(peer)

    taken = dtypes.seconds(files, say)
    served, one = dtypes.served(taken), dtypes.fastest(taken)
    for dtype in served:
        ours(f"slots {dtype}", dtype, temperature=0)
        peers.append(texts.continuous(f"continuous {dtype}", files, dtype, asked, greedy, say, grid))
        peers.append(texts.padded(f"padded {dtype}", files, dtype, asked, greedy, 32))
    ours(f"slots {one} sampled", one, **SAMPLED)
    peers.append(texts.continuous(f"continuous {one} sampled", files, one, asked, sampled, say, grid[-1:]))
    ours(f"slots {one} longest first", one, longest_first=True, temperature=0)
    peers.append(texts.one_by_one("one by one float32", files, "float32", few, greedy))
    found = {each.name: each for each in race(peers, rounds, say)}
    perplexed = _perplexities(served, 6 if quick else 200)
    good = [dtype for dtype in served if perplexed[dtype] <= WORSE * perplexed["float32"]]
    best = max((found[f"slots {dtype}"] for dtype in good), key=lambda each: each.rate)
    phases = engines[f"slots {one} sampled"].figures.phases
    least = {"float32": 1.0, "bfloat16": 1.3, "int8": 1.3}
    versus = [
        (f"slots / {peer}, {what}", found[f"slots {what}"], found[f"{peer} {what}"], wanted)
        for peer, what, wanted in (
            *(("continuous", dtype, least[dtype]) for dtype in served),
            ("continuous", f"{one} sampled", least[one]),
            *(("padded", dtype, 2.0) for dtype in served),
        )
    ]
    versus.append((f"{best.name} / one by one float32", best, found["one by one float32"], 10.0))
    return Report(
        "gpt-mixed",
        f"{len(asked)} prompts of 8 to 64 tokens, outputs of geometric length (mean 40, at most 160), GPT-2 "
        f"{'of two layers' if quick else '124M'}, random weights",
        "useful tokens",
        tuple(found.values()),
        (
            *(ratio(text, mine, other, least=wanted) for text, mine, other, wanted in versus),
            Target(
                "share of a tick that sampling takes, by the engine's clock",
                phases["sample"] / (phases["sample"] + phases["decode"]),
                most=0.15,
            ),
        ),
        {
            f"longest first / arrival order, {one}": paired(found[f"slots {one} longest first"], found[f"slots {one}"]),
            "seconds of a stock forward of 16 rows": taken,
            "useful rows / computed rows": {
                name: engine.figures.useful_rows / engine.figures.computed_rows for name, engine in engines.items()
            },
            f"seconds by phase, {one} sampled": phases,
            "perplexity of the starter on product copy it was not trained on": perplexed,
        },
        machine(),
    )


def _perplexities(served: Sequence[str], count: int) -> dict[str, float]:
    """Perplexity of the starter by dtype; random weights have none to speak of."""
    copy = [each.text for each in documents(7, 0, count, held_out=True)]
    starter = inspect(Path("include/models/starter-text"))
    return {dtype: texts.perplexity(starter, dtype, copy) for dtype in served}
