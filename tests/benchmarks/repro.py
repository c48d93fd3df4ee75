"""repro-text: the same bytes in every company, and what that costs."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence

from galley.engines.certificate import read
from galley.engines.text.engine import SlotTextEngine
from galley.items import PlannedRequest
from galley.model_files import ModelFiles
from tests.benchmarks import dtypes, texts
from tests.benchmarks.harness import Peer, Report, Say, Target, machine, paired, race
from tests.benchmarks.models import gpt2


def run_text(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Shares of identical bytes, and rates of both modes."""
    files = gpt2(2, 64) if quick else gpt2()
    asked = texts.requests(files, texts.mixed(10 if quick else 48), temperature=0.8, top_p=0.95)
    dtype = dtypes.fastest(dtypes.seconds(files, say))
    engine = functools.partial(_engine, files, dtype, threads)
    exact = engine()
    certificate = exact.setup().certificate
    shares = _shares(engine, exact, certificate, asked, say)
    fast = engine(exact=False)
    fast.setup()
    measured = race([_peer("exact", exact, asked), _peer("fast", fast, asked)], rounds, say)
    return Report(
        "repro-text",
        f"{len(asked)} sampled texts, {dtype}",
        "texts",
        measured,
        (
            *(Target(f"identical, {way}", share, least=1.0) for way, share in shares.items()),
            Target(
                "cost of exact mode",
                paired(measured[1], measured[0]) - 1,
                most=0.10,
                medians=measured[1].rate / measured[0].rate - 1,
            ),
        ),
        {"certificate": certificate},
        machine(),
    )


def _engine(
    files: ModelFiles, dtype: str, threads: int, *, certificate: str = "", max_batch_size: int = 0, exact: bool = True
) -> SlotTextEngine:
    """One that takes texts as they come; else the order of arrival would be no order at all."""
    return SlotTextEngine(
        files,
        dtype,
        threads,
        certificate=certificate,
        max_batch_size=max_batch_size,
        exact=exact,
        longest_first=False,
    )


def _shares(
    engine: Callable[..., SlotTextEngine],
    exact: SlotTextEngine,
    certificate: str,
    asked: Sequence[PlannedRequest],
    say: Say,
) -> dict[str, float]:
    """Way of making the texts to the share of them that are, byte for byte, those made together in order."""
    counts = read(certificate).counts
    small = engine(certificate=certificate, max_batch_size=counts[len(counts) // 2])
    small.setup()
    expected = _bytes(exact, asked)
    half = len(asked) // 2
    alone = asked[:: max(1, len(asked) // 8)]
    ways = {
        "alone": {key: data for each in alone for key, data in _bytes(exact, [each]).items()},
        "shuffled": _bytes(exact, random.Random(1).sample(list(asked), len(asked))),
        "late join": _bytes(exact, [*asked[half:], *asked[:half]]),
        "another max_batch_size": _bytes(small, asked),
        "crash and resume": _resumed(engine, certificate, asked),
    }
    shares = {
        way: sum(expected[key] == data for key, data in found.items()) / len(found) for way, found in ways.items()
    }
    for way, share in shares.items():
        say(f"{way}: {share:.1%} of {len(ways[way])} identical")
    return shares


def _resumed(
    engine: Callable[..., SlotTextEngine], certificate: str, asked: Sequence[PlannedRequest]
) -> dict[str, bytes]:
    """What an engine made before it was dropped amid its work, and another engine made of the rest."""
    first, second = (engine(certificate=certificate) for _ in range(2))
    first.setup()
    made: dict[str, bytes] = {}
    for outcome in first.generate(asked):
        if outcome.made:
            made[outcome.key] = outcome.made.data
        if len(made) >= len(asked) // 3:
            break
    first.close()
    second.setup()
    return made | _bytes(second, [each for each in asked if each.key not in made])


def _bytes(engine: SlotTextEngine, asked: Sequence[PlannedRequest]) -> dict[str, bytes]:
    return {outcome.key: outcome.made.data for outcome in engine.generate(asked) if outcome.made}


def _peer(name: str, engine: SlotTextEngine, asked: Sequence[PlannedRequest]) -> Peer:
    return Peer(name, lambda: float(len(_bytes(engine, asked))))
