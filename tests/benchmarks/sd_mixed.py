"""sd-mixed and sd-brief: pictures of many settings, and of the ordinary few, against diffusers."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from galley.engines.stock_image import StockImageEngine
from galley.items import PlannedRequest
from galley.model_files import ModelFiles
from galley.planning import evaluations
from tests.benchmarks import images
from tests.benchmarks.harness import Report, Say, Target, machine, paired, race, ratio
from tests.benchmarks.models import stable_diffusion


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Pictures a second, of a UNet of 0.26 GFLOP a row."""
    files, side = (stable_diffusion((32, 64), 8), 64) if quick else (stable_diffusion((32, 64, 128), 16), 128)
    return _mixed("sd-mixed", "0.26 GFLOP", files, side, (5, 10, 15, 25), 1.8, say, rounds, threads, quick)


def run_large(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Pictures a second, of a UNet of 4.1 GFLOP a row: three quarters of an hour on two cores."""
    files, side = (stable_diffusion((32, 64), 8), 64) if quick else (stable_diffusion((64, 128, 256), 32), 256)
    return _mixed("sd-mixed-large", "4.1 GFLOP", files, side, (4, 6, 8, 10), 0.0, say, rounds, threads, quick)


def _mixed(
    name: str,
    size: str,
    files: ModelFiles,
    side: int,
    steps: Sequence[int],
    least: float,
    say: Say,
    rounds: int,
    threads: int,
    quick: bool,
) -> Report:
    steps = (2, 3, 4, 5) if quick else steps
    asked = images.mixed(files, 6 if quick else 64, side, steps)
    ours, engine = images.steps("steps", files, "float32", threads, asked, say)
    alone, stock = images.grouped("one by one", files, "float32", threads, asked, 1)
    together, _ = images.grouped("grouped", files, "float32", threads, asked, 8)
    found = race([ours, alone, together], rounds, say)
    bound, best = _bound(stock, asked, engine._room.counts.counts, side // 8)
    gain = paired(found[0], found[1])
    targets = [Target("share of the bound over one by one", gain / bound, least=0.9)]
    if least:
        targets.append(ratio("steps / one by one", found[0], found[1], least=least))
    return Report(
        name,
        f"{len(asked)} pictures of 6 schedulers, {' or '.join(map(str, steps))} steps, guidance 1 to 12, own seeds; a "
        f"UNet of {size} a row, float32",
        "pictures",
        found,
        tuple(targets),
        {
            "bound over one by one": bound,
            "seconds a row at best": best,
            "steps / one by one": gain,
            "steps / grouped": paired(found[0], found[2]),
            "useful rows / computed rows": engine.figures.useful_rows / engine.figures.computed_rows,
            "seconds by phase": engine.figures.phases,
        },
        machine(),
    )


def run_brief(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Pictures a second where diffusers can group everything."""
    files, side = (stable_diffusion((32, 64), 8), 64) if quick else (stable_diffusion((32, 64, 128), 16), 128)
    asked = images.brief(files, 8 if quick else 64, side, (2, 4) if quick else (10, 30))
    ours, engine = images.steps("steps", files, "float32", threads, asked, say)
    together, _ = images.grouped("grouped", files, "float32", threads, asked, 8)
    measured = race([ours, together], rounds, say)
    return Report(
        "sd-brief",
        f"{len(asked)} pictures, DDIM, guidance 7.5, half of them 10 and half 30 steps; UNet of 0.26 GFLOP, float32",
        "pictures",
        measured,
        (ratio("steps / grouped", measured[0], measured[1], least=0.98),),
        {"useful rows / computed rows": engine.figures.useful_rows / engine.figures.computed_rows},
        machine(),
    )


@torch.inference_mode()
def _bound(
    stock: StockImageEngine, asked: Sequence[PlannedRequest], counts: Sequence[int], side: int
) -> tuple[float, float]:
    """What batching can gain over one by one at most, and the best seconds a row: sum t(rows) / (sum rows · t best).

    ``t(rows)`` is a forward of the one or two rows that the stock pipeline gives a request.
    """
    unet = stock._model.pipe.unet
    words = torch.randn(max(counts), 77, unet.config.cross_attention_dim)

    def seconds(rows: int) -> float:
        sample = torch.randn(rows, unet.config.in_channels, side, side)
        taken = []
        for _ in range(7):
            began = time.perf_counter()
            unet(sample, torch.full((rows,), 500.0), encoder_hidden_states=words[:rows])
            taken.append(time.perf_counter() - began)
        return sorted(taken)[3]

    stocks = {rows: seconds(rows) for rows in (1, 2)}
    best = min(seconds(rows) / rows for rows in counts)
    rows = [2 if each.request.params.guidance_scale > 1 else 1 for each in asked]
    steps = [evaluations(each.request.params.scheduler, each.request.params.num_inference_steps) for each in asked]
    alone = sum(stocks[row] * step for row, step in zip(rows, steps, strict=True))
    return alone / (sum(row * step for row, step in zip(rows, steps, strict=True)) * best), best
