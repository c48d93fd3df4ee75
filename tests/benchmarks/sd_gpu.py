"""sd-gpu: Stable Diffusion 1.5 at 512 x 512 in bfloat16, on a GPU, against diffusers as it comes and compiled.

Its figures are to be read beside what the card does in matrix products, measured in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch.utils.flop_counter import FlopCounterMode

from galley.engines.image.engine import StepImageEngine
from galley.engines.stock_image import StockImageEngine
from galley.items import PlannedRequest
from galley.model_files import ModelFiles
from tests.benchmarks.harness import Measured, Peer, Report, Say, Target, machine, race, ratio
from tests.benchmarks.models import stable_diffusion, stable_diffusion_1_5
from tests.jobs import planned, request

DTYPE = "bfloat16"
BATCH = 16
"""Pictures of a compiled diffusers call, and of a forward of ours: as many rows again for guidance."""
WANTED = {50: 3.8, 20: 9.0}
"""Steps to pictures a second on an H200: 40 % of what its matrix products reach."""


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Pictures a second at 20 and 50 steps, and the share of the measured matrix rate."""
    if not torch.cuda.is_available():
        raise SystemExit(
            "sd-gpu measures a CUDA GPU, and torch finds none here; run `make bench-gpu` where there is one, with a "
            "CUDA build of torch in .venv-worker"
        )
    files, side = (stable_diffusion((32, 64, 128), 16), 128) if quick else (stable_diffusion_1_5(), 512)
    products = _matrix_rate()
    say(f"matrix products: {products / 1e12:.0f} TFLOP/s")
    measured: list[Measured] = []
    targets: list[Target] = []
    facts: dict[str, object] = {"matrix products, TFLOP/s": products / 1e12}
    for steps in (2,) if quick else (20, 50):
        asked = _asked(files, 2 * BATCH, side, steps)
        ours = [
            _ours(f"steps, {steps}", files, threads, asked, say, compiled=False),
            _ours(f"steps compiled, {steps}", files, threads, asked, say, compiled=True),
        ]
        # Two pictures one by one tell the rate as well as all do, in a sixteenth of the time.
        alone = _stock(f"one by one, {steps}", files, threads, asked[:2], 1, compiled=False)
        batched = _stock(f"compiled, {steps}", files, threads, asked, BATCH, compiled=True)
        found = race([*ours, alone, batched], rounds, say)
        best = max(found[:2], key=lambda each: each.rate)
        flops = _flops(files, side, steps)
        measured += found
        targets += [
            Target(f"share of the matrix rate, {steps} steps", best.rate * flops / products, least=0.4),
            ratio(f"{best.name} / one by one", best, found[2], least=5.0),
            ratio(f"{best.name} / diffusers compiled", best, found[3], least=1.0),
        ]
        if "H200" in torch.cuda.get_device_name(0) and steps in WANTED:
            targets.append(Target(f"pictures a second, {steps} steps", best.rate, least=WANTED[steps]))
        facts[f"TFLOP a picture, {steps} steps"] = flops / 1e12
        torch.cuda.empty_cache()
    return Report(
        "sd-gpu",
        f"{2 * BATCH} pictures of {side} x {side}, guidance 7.5, DDIM; {DTYPE}",
        "pictures",
        tuple(measured),
        tuple(targets),
        facts,
        machine(),
    )


def _asked(files: ModelFiles, count: int, side: int, steps: int) -> list[PlannedRequest]:
    fields = {"width": side, "height": side, "num_inference_steps": steps, "guidance_scale": 7.5}
    return [planned(request("image", f"picture {seed}", files.digest, seed=seed, **fields)) for seed in range(count)]


def _ours(
    name: str, files: ModelFiles, threads: int, asked: Sequence[PlannedRequest], say: Say, *, compiled: bool
) -> Peer:
    engine = StepImageEngine(files, DTYPE, threads, exact=False, max_batch_size=2 * BATCH, compiled=compiled)
    numerics = engine.setup()
    if engine.fallback:
        raise RuntimeError(f"{name} fell back to diffusers: {engine.fallback}")
    say(f"{name}: {numerics.layout}")
    return Peer(
        name, lambda: float(sum(outcome.made is not None for outcome in engine.generate(asked))), numerics.layout
    )


def _stock(
    name: str, files: ModelFiles, threads: int, asked: Sequence[PlannedRequest], most: int, *, compiled: bool
) -> Peer:
    engine = StockImageEngine(files, DTYPE, threads)
    engine.setup()
    if compiled:
        pipe = engine._model.pipe
        for module in (pipe.unet, pipe.vae):
            module.to(memory_format=torch.channels_last)
        pipe.unet.compile(mode="max-autotune", dynamic=False)
        pipe.vae.decoder.compile(mode="max-autotune", dynamic=False)

    def run() -> float:
        batches = (asked[at : at + most] for at in range(0, len(asked), most))
        return float(sum(outcome.made is not None for batch in batches for outcome in engine.generate(batch)))

    return Peer(name, run, "channels_last, max-autotune" if compiled else "as it comes")


def _flops(files: ModelFiles, side: int, steps: int) -> float:
    """Floating-point operations of one guided picture: twice the multiplications of its forwards."""
    engine = StockImageEngine(files, DTYPE, 1)
    engine.setup()
    with FlopCounterMode(display=False) as one:
        list(engine.generate(_asked(files, 1, side, 1)))
    with FlopCounterMode(display=False) as two:
        list(engine.generate(_asked(files, 1, side, 2)))
    step = two.get_total_flops() - one.get_total_flops()
    return float(one.get_total_flops() + (steps - 1) * step)


def _matrix_rate(size: int = 8192) -> float:
    """Operations a second of a product of two square matrices, the best of ten."""
    left, right = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(10):
        torch.cuda.synchronize()
        began = time.perf_counter()
        left @ right
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best
