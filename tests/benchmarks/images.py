"""Ways of making many pictures: ours, and diffusers one by one or grouped by equal settings."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from galley.engines.image.engine import StepImageEngine
from galley.engines.stock_image import StockImageEngine
from galley.items import ImageParams, PlannedRequest
from galley.model_files import ModelFiles
from tests.benchmarks.harness import Peer, Say
from tests.jobs import planned, request

SCHEDULERS = (
    "DDIMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler",
    "PNDMScheduler", "UniPCMultistepScheduler",
)  # fmt: skip


def mixed(files: ModelFiles, count: int, side: int, steps: Sequence[int], seed: int = 0) -> list[PlannedRequest]:
    """Requests of many schedulers, numbers of steps, scales of guidance and seeds."""
    rng = random.Random(seed)
    return [
        planned(
            request(
                "image",
                f"picture {number}",
                files.digest,
                seed=number,
                width=side,
                height=side,
                num_inference_steps=rng.choice(steps),
                guidance_scale=rng.choice((1.0, 5.0, 7.5, 12.0)),
                scheduler=rng.choice(SCHEDULERS),
            )
        )
        for number in range(count)
    ]


def brief(files: ModelFiles, count: int, side: int, steps: tuple[int, int]) -> list[PlannedRequest]:
    """The ordinary case: one scheduler, one scale of guidance, two arms of different steps."""
    return [
        planned(
            request(
                "image",
                f"picture {number // 2}",
                files.digest,
                seed=number // 2,
                width=side,
                height=side,
                num_inference_steps=steps[number % 2],
                guidance_scale=7.5,
                scheduler="DDIMScheduler",
            )
        )
        for number in range(count)
    ]


def steps(
    name: str, files: ModelFiles, dtype: str, threads: int, asked: Sequence[PlannedRequest], say: Say, limit: int = 0
) -> tuple[Peer, StepImageEngine]:
    """Our step engine, and the engine itself for its figures."""
    engine = StepImageEngine(files, dtype, threads, max_batch_size=limit)
    numerics = engine.setup()
    say(f"{name}: {numerics.certificate or 'no row counts are certified'}")

    def run() -> float:
        made = sum(outcome.made is not None for outcome in engine.generate(asked))
        assert made == len(asked), (made, len(asked))
        return made

    return Peer(name, run, f"{dtype}, {numerics.certificate}"), engine


def grouped(
    name: str, files: ModelFiles, dtype: str, threads: int, asked: Sequence[PlannedRequest], most: int
) -> tuple[Peer, StockImageEngine]:
    """Stock diffusers, each call as many requests of equal settings as there are, up to ``most``; 1 is one by one."""
    engine = StockImageEngine(files, dtype, threads)
    engine.setup()
    groups: dict[object, list[PlannedRequest]] = defaultdict(list)
    for each in asked:
        params = each.request.params
        assert isinstance(params, ImageParams)
        groups[params.model_dump_json()].append(each)
    batches = [group[at : at + most] for group in groups.values() for at in range(0, len(group), most)]

    def run() -> float:
        made = sum(outcome.made is not None for batch in batches for outcome in engine.generate(batch))
        assert made == len(asked), (made, len(asked))
        return made

    return Peer(name, run, f"{dtype}, {len(batches)} calls"), engine
