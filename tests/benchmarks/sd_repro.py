"""repro-image: the same bytes in every company, and what that costs many pictures, a dozen, and one."""

from __future__ import annotations

import random
from collections.abc import Sequence

from galley.engines.image.engine import StepImageEngine
from galley.engines.image.trial import Certificate
from galley.items import PlannedRequest
from galley.model_files import ModelFiles
from tests.benchmarks import images
from tests.benchmarks.harness import Measured, Peer, Report, Say, Target, machine, paired, race
from tests.benchmarks.models import stable_diffusion

COSTS = {64: 0.10, 12: 0.15, 1: None}
"""Pictures to what exact mode may cost at most; of one picture it is only reported."""


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Shares of identical bytes, and rates of both modes."""
    files, side = (stable_diffusion((32, 64), 8), 64) if quick else (stable_diffusion((32, 64, 128), 16), 128)
    costs = {6: None, 1: None} if quick else COSTS
    asked = images.mixed(files, max(costs), side, (3, 5) if quick else (5, 10, 15))
    exact = StepImageEngine(files, "float32", threads)
    certificate = exact.setup().certificate
    shares = _shares(files, threads, exact, certificate, asked, say)
    fast = StepImageEngine(files, "float32", threads, exact=False)
    fast.setup()
    measured: list[Measured] = []
    targets = [Target(f"identical, {way}", share, least=1.0) for way, share in shares.items()]
    facts: dict[str, object] = {"certificate": certificate}
    for count, most in costs.items():
        some = asked[:count]
        pair = race([_peer(f"exact, {count}", exact, some), _peer(f"fast, {count}", fast, some)], rounds, say)
        measured += pair
        cost = paired(pair[1], pair[0]) - 1
        if most is None:
            facts[f"cost of exact mode, {count} pictures"] = cost
        else:
            targets.append(Target(f"cost of exact mode, {count} pictures", cost, most=most))
    return Report(
        "repro-image",
        f"{len(asked)} pictures of many settings, float32",
        "pictures",
        tuple(measured),
        tuple(targets),
        facts,
        machine(),
    )


def _shares(
    files: ModelFiles,
    threads: int,
    exact: StepImageEngine,
    certificate: str,
    asked: Sequence[PlannedRequest],
    say: Say,
) -> dict[str, float]:
    """Way of making the pictures to the share of them that are, byte for byte, those made together in order."""
    counts = Certificate.read(certificate).steps.counts
    small = StepImageEngine(files, "float32", threads, certificate=certificate, max_batch_size=counts[len(counts) // 2])
    small.setup()
    expected = _bytes(exact, asked)
    half = len(asked) // 2
    alone = asked[:: max(1, len(asked) // 8)]
    ways = {
        "alone": {key: data for each in alone for key, data in _bytes(exact, [each]).items()},
        "shuffled": _bytes(exact, random.Random(1).sample(list(asked), len(asked))),
        "late join": _bytes(exact, [*asked[half:], *asked[:half]]),
        "another max_batch_size": _bytes(small, asked),
        "crash and resume": _resumed(files, threads, certificate, asked),
    }
    shares = {
        way: sum(expected[key] == data for key, data in found.items()) / len(found) for way, found in ways.items()
    }
    for way, share in shares.items():
        say(f"{way}: {share:.1%} of {len(ways[way])} identical")
    return shares


def _resumed(files: ModelFiles, threads: int, certificate: str, asked: Sequence[PlannedRequest]) -> dict[str, bytes]:
    """What an engine made before it was dropped amid its work, and another engine made of the rest."""
    first = StepImageEngine(files, "float32", threads, certificate=certificate)
    first.setup()
    made: dict[str, bytes] = {}
    for outcome in first.generate(asked):
        if outcome.made:
            made[outcome.key] = outcome.made.data
        if len(made) >= len(asked) // 3:
            break
    first.close()
    second = StepImageEngine(files, "float32", threads, certificate=certificate)
    second.setup()
    return made | _bytes(second, [each for each in asked if each.key not in made])


def _bytes(engine: StepImageEngine, asked: Sequence[PlannedRequest]) -> dict[str, bytes]:
    return {outcome.key: outcome.made.data for outcome in engine.generate(asked) if outcome.made}


def _peer(name: str, engine: StepImageEngine, asked: Sequence[PlannedRequest]) -> Peer:
    return Peer(name, lambda: float(len(_bytes(engine, asked))))
