"""repro-text and repro-image: the same bytes in every company, and what that costs."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from galley.engines.base import Engine
from galley.engines.certificate import RowCounts, told
from galley.engines.image.engine import StepImageEngine
from galley.engines.text.engine import SlotTextEngine
from galley.items import PlannedRequest
from tests.benchmarks import images, texts
from tests.benchmarks.harness import Peer, Report, Say, Target, machine, race
from tests.benchmarks.models import gpt2, stable_diffusion

Open = Callable[[str, int], Engine]
"""(certificate, max_batch_size) -> an engine; an empty certificate makes it find one."""


def run_text(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Sampled texts."""
    files = gpt2(2, 64) if quick else gpt2()
    asked = texts.requests(files, texts.mixed(10 if quick else 48), temperature=0.8, top_p=0.95)

    def opened(certificate: str, limit: int) -> Engine:
        return SlotTextEngine(files, "bfloat16", threads, certificate=certificate, max_batch_size=limit)

    return _report("repro-text", "sampled texts, bfloat16", asked, opened, say, rounds, 0.10)


def run_image(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Pictures of many settings."""
    files = stable_diffusion((32, 64, 128), 16)
    asked = images.mixed(files, 8 if quick else 48, 128, (3, 5) if quick else (10, 20, 30))

    def opened(certificate: str, limit: int) -> Engine:
        return StepImageEngine(files, "float32", threads, certificate=certificate, max_batch_size=limit)

    return _report("repro-image", "pictures of many settings, float32", asked, opened, say, rounds, 0.10)


def _report(
    name: str, what: str, asked: Sequence[PlannedRequest], opened: Open, say: Say, rounds: int, cost: float
) -> Report:
    exact = opened("", 0)
    certificate = exact.setup().certificate
    counts = [int(number) for number in certificate.removeprefix("rows ").split(",")]
    # Fast mode: every row count is as good as any other, so no forward has padding.
    loose = opened(told(RowCounts(tuple(range(1, max(counts) + 1)))), 0)
    loose.setup()
    small = opened(certificate, counts[len(counts) // 2])
    small.setup()
    expected = _bytes(exact, asked)
    shuffled = random.Random(1).sample(list(asked), len(asked))
    half = len(asked) // 2
    ways = {
        "alone": {
            key: data for each in asked[:: max(1, len(asked) // 8)] for key, data in _bytes(exact, [each]).items()
        },
        "shuffled": _bytes(exact, shuffled),
        "late join": _bytes(exact, [*asked[half:], *asked[:half]]),
        "another max_batch_size": _bytes(small, asked),
        "resumed": _bytes(exact, asked[half:]),
    }
    shares = {}
    for way, found in ways.items():
        shares[way] = sum(expected[key] == data for key, data in found.items()) / len(found)
        say(f"{way}: {shares[way]:.1%} of {len(found)} identical")
    measured = race([_peer("exact", exact, asked), _peer("fast", loose, asked)], rounds, say)
    return Report(
        name,
        f"{len(asked)} {what}",
        "items",
        measured,
        (
            *(Target(f"identical, {way}", share, least=1.0) for way, share in shares.items()),
            Target("cost of exact mode", measured[1].rate / measured[0].rate - 1, most=cost),
        ),
        {"certificate": certificate},
        machine(),
    )


def _bytes(engine: Engine, asked: Sequence[PlannedRequest]) -> dict[str, bytes]:
    return {outcome.key: outcome.made.data for outcome in engine.generate(asked) if outcome.made}


def _peer(name: str, engine: Engine, asked: Sequence[PlannedRequest]) -> Peer:
    return Peer(name, lambda: float(len(_bytes(engine, asked))))
