"""gpt-mixed: texts of many lengths, against every other way of making them with transformers."""

from __future__ import annotations

from pathlib import Path

from galley.engines.text.engine import SlotTextEngine
from galley.items import TextParams
from galley.model_files import inspect
from galley.training.product_copy import documents
from tests.benchmarks import texts
from tests.benchmarks.harness import Peer, Report, Say, Target, machine, paired, race, ratio
from tests.benchmarks.models import gpt2

SAMPLED = {"temperature": 0.8, "top_p": 0.95}


DTYPES = ("float32", "bfloat16", "int8")
WORSE = 1.01
"""How much more perplexed than in float32 the starter may be in a dtype that is to count as good."""


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Useful tokens a second."""
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

    for dtype in DTYPES:
        ours(f"slots {dtype}", dtype, temperature=0)
        peers.append(texts.continuous(f"continuous {dtype}", files, dtype, asked, greedy, say, grid))
        peers.append(texts.padded(f"padded {dtype}", files, dtype, asked, greedy, 32))
    ours("slots bfloat16 sampled", "bfloat16", **SAMPLED)
    peers.append(texts.continuous("continuous bfloat16 sampled", files, "bfloat16", asked, sampled, say, grid[-1:]))
    ours("slots bfloat16 longest first", "bfloat16", longest_first=True, temperature=0)
    peers.append(texts.one_by_one("one by one float32", files, "float32", few, greedy))
    found = {each.name: each for each in race(peers, rounds, say)}
    perplexed = _perplexities(6 if quick else 200)
    good = [dtype for dtype in DTYPES if perplexed[dtype] <= WORSE * perplexed["float32"]]
    best = max((found[f"slots {dtype}"] for dtype in good), key=lambda each: each.rate)
    phases = engines["slots bfloat16 sampled"].figures.phases
    versus = [
        (f"slots / {peer}, {what}", found[f"slots {what}"], found[f"{peer} {what}"], least)
        for peer, what, least in (
            ("continuous", "float32", 1.0),
            ("continuous", "bfloat16", 1.3),
            ("continuous", "int8", 1.3),
            ("continuous", "bfloat16 sampled", 1.3),
            *(("padded", dtype, 2.0) for dtype in DTYPES),
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
            *(ratio(text, one, other, least=least) for text, one, other, least in versus),
            Target(
                "share of a tick that sampling takes, by the engine's clock",
                phases["sample"] / (phases["sample"] + phases["decode"]),
                most=0.15,
            ),
        ),
        {
            "longest first / arrival order, bfloat16": paired(
                found["slots bfloat16 longest first"], found["slots bfloat16"]
            ),
            "useful rows / computed rows": {
                name: engine.figures.useful_rows / engine.figures.computed_rows for name, engine in engines.items()
            },
            "seconds by phase, bfloat16 sampled": phases,
            "perplexity of the starter on product copy it was not trained on": perplexed,
        },
        machine(),
    )


def _perplexities(count: int) -> dict[str, float]:
    """Perplexity of the starter by dtype; random weights have none to speak of."""
    copy = [each.text for each in documents(7, 0, count, held_out=True)]
    starter = inspect(Path("include/models/starter-text"))
    return {dtype: texts.perplexity(starter, dtype, copy) for dtype in DTYPES}
