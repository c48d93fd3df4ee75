"""occupancy: how many of the rows that are computed serve somebody, lengths unknown beforehand."""

from __future__ import annotations

from tests.benchmarks import texts
from tests.benchmarks.harness import Report, Say, Target, machine
from tests.benchmarks.models import gpt2


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Shares of rows; nothing is timed, so the model is small."""
    files, asked = gpt2(2, 64), texts.mixed(32 if quick else 256)
    shares, certificate = {}, ""
    for name, known in (("arrival order", False), ("longest first", True)):
        peer, engine = texts.slots(
            name, files, "float32", threads, asked, say, longest_first=known, certificate=certificate, temperature=0
        )
        certificate = engine.certificate
        peer.run()
        shares[name] = engine.figures.useful_rows / engine.figures.computed_rows
    batches = [asked[start : start + 32] for start in range(0, len(asked), 32)]
    static = texts.useful(asked) / sum(len(batch) * max(each.tokens for each in batch) for batch in batches)
    return Report(
        "occupancy",
        f"{len(asked)} texts as in gpt-mixed",
        "rows",
        targets=(Target("useful rows / computed rows, arrival order", shares["arrival order"], least=0.95),),
        facts={"longest first": shares["longest first"], "static batches of 32": static},
        machine=machine(),
    )
