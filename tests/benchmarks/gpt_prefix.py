"""gpt-prefix: prompts that begin alike, and many outputs of one prompt."""

from __future__ import annotations

from galley.items import TextParams
from tests.benchmarks import dtypes, texts
from tests.benchmarks.harness import Report, Say, machine, race, ratio
from tests.benchmarks.models import gpt2


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Useful tokens a second, in float32 or bfloat16, whichever the machine is faster in."""
    files = gpt2(2, 64) if quick else gpt2()
    grid = texts.GRID[:1] if quick else texts.GRID
    shared = texts.prefixed(6 if quick else 32)
    alike = [each for each in texts.prefixed(1 if quick else 4) for _ in range(8)]
    sampled = TextParams(temperature=0.8)
    dtype = dtypes.fastest(dtypes.seconds(files, say))
    peers, engines, certificate = [], {}, ""
    for name, asked in (("shared beginning", shared), ("eight of each", alike)):
        peer, engines[name] = texts.slots(
            f"slots, {name}", files, dtype, threads, asked, say, certificate=certificate, temperature=0.8
        )
        certificate = engines[name].certificate
        peers += [
            peer,
            texts.continuous(f"continuous, {name}", files, dtype, asked, sampled, say, grid),
        ]
    measured = race(peers, rounds, say)
    found = {each.name: each for each in measured}
    return Report(
        "gpt-prefix",
        f"{len(shared)} prompts with 192 tokens in common and 8 to 24 of their own, and {len(alike) // 8} prompts "
        f"eight times each; 32 outputs, temperature 0.8; {dtype}",
        "useful tokens",
        measured,
        tuple(
            ratio(f"slots / continuous, {name}", found[f"slots, {name}"], found[f"continuous, {name}"], least=1.5)
            for name in engines
        ),
        {"prompt chunks found": {name: engine.figures.prefix_hits for name, engine in engines.items()}},
        machine(),
    )
