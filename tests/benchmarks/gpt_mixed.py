"""gpt-mixed: texts of many lengths, against every other way of making them with transformers."""

from __future__ import annotations

from galley.engines.text.engine import SlotTextEngine
from galley.items import TextParams
from tests.benchmarks import texts
from tests.benchmarks.harness import Peer, Report, Say, Target, machine, race
from tests.benchmarks.models import gpt2

SAMPLED = {"temperature": 0.8, "top_p": 0.95}


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Useful tokens a second."""
    files = gpt2(2, 64) if quick else gpt2()
    asked = texts.mixed(12 if quick else 64)
    few = asked[: 3 if quick else 6]
    longest_first = sorted(asked, key=lambda each: -each.tokens)
    greedy, sampled = TextParams(temperature=0), TextParams(**SAMPLED)
    grid = texts.GRID[:1] if quick else texts.GRID
    peers: list[Peer] = []
    engines: dict[str, SlotTextEngine] = {}

    def ours(name: str, dtype: str, wanted: list[texts.Asked], **params: float) -> None:
        peer, engines[name] = texts.slots(name, files, dtype, threads, wanted, say, **params)
        peers.append(peer)

    for dtype in ("float32", "bfloat16", "int8"):
        ours(f"slots {dtype}", dtype, asked, temperature=0)
        peers.append(texts.continuous(f"continuous {dtype}", files, dtype, asked, greedy, say, grid))
        peers.append(texts.padded(f"padded {dtype}", files, dtype, asked, greedy, 32))
    ours("slots bfloat16 sampled", "bfloat16", asked, **SAMPLED)
    peers.append(texts.continuous("continuous bfloat16 sampled", files, "bfloat16", asked, sampled, say, grid[-1:]))
    ours("slots bfloat16 longest first", "bfloat16", longest_first, temperature=0)
    peers.append(texts.one_by_one("one by one float32", files, "float32", few, greedy))
    measured = race(peers, rounds, say)
    rate = {each.name: each.rate for each in measured}

    def ratio(ours: str, theirs: str) -> float:
        return rate[ours] / rate[theirs]

    best = max(("slots float32", "slots bfloat16", "slots int8"), key=lambda name: rate[name])
    taken = 1 - rate["slots bfloat16 sampled"] / rate["slots bfloat16"]
    return Report(
        "gpt-mixed",
        f"{len(asked)} prompts of 8 to 64 tokens, outputs of geometric length (mean 40, at most 160), GPT-2 "
        f"{'of two layers' if quick else '124M'}, random weights",
        "useful tokens",
        measured,
        (
            Target("slots / continuous, float32", ratio("slots float32", "continuous float32"), least=1.0),
            Target("slots / continuous, bfloat16", ratio("slots bfloat16", "continuous bfloat16"), least=1.3),
            Target("slots / continuous, int8", ratio("slots int8", "continuous int8"), least=1.3),
            Target(
                "slots / continuous, bfloat16, sampled",
                ratio("slots bfloat16 sampled", "continuous bfloat16 sampled"),
                least=1.3,
            ),
            *(
                Target(f"slots / padded, {dtype}", ratio(f"slots {dtype}", f"padded {dtype}"), least=2.0)
                for dtype in ("float32", "bfloat16", "int8")
            ),
            Target(f"{best} / one by one float32", ratio(best, "one by one float32"), least=10.0),
            Target("share of a tick that sampling takes", taken, most=0.15),
        ),
        {
            "longest first / arrival order, bfloat16": ratio("slots bfloat16 longest first", "slots bfloat16"),
            "useful rows / computed rows": {
                name: engine.figures.useful_rows / engine.figures.computed_rows for name, engine in engines.items()
            },
        },
        machine(),
    )
