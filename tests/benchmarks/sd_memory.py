"""memory-image: random forwards under random budgets; what the engine reckons against what the process takes."""

from __future__ import annotations

import ctypes
import random
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from galley.engines.certificate import RowCounts
from galley.engines.image.decoder import decode
from galley.engines.image.denoiser import DenoiserRow, denoise
from galley.engines.image.picture import Condition, Prompts
from galley.engines.image.pipeline import ImagePipeline
from galley.engines.image.room import Room, overhead
from galley.engines.image.trial import footprint
from galley.engines.memory import free_memory
from galley.engines.numerics import device, settle
from tests.benchmarks.harness import Report, Say, Target, machine
from tests.benchmarks.models import stable_diffusion

COUNTS = RowCounts(tuple(range(1, 33)))
"""As fine as counts can be: how much of a budget is used is then told of the reckoning, not of the counts."""
MIB = 2**20


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Peaks against budgets."""
    settle(threads)
    files = stable_diffusion((32, 64), 8) if quick else stable_diffusion((32, 64, 128), 16)
    model = ImagePipeline(files, "float32")
    sizes = footprint(model, Prompts(model.pipe))
    kind = device().type
    parts = {
        "steps": (Room(COUNTS, sizes.steps, overhead(kind, "steps")), _steps),
        "decode": (Room(COUNTS, sizes.decode, overhead(kind, "decode")), _decode),
    }
    rng = random.Random(0)
    batches = 12 if quick else 200
    over, refused, errors = 0, 0, []
    used: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(batches):
        name = rng.choice(sorted(parts))
        room, forward = parts[name]
        side = 8 * rng.randint(8, 24 if quick else 48)
        budget = rng.randint(16, 64 if quick else 256) * MIB
        room.open(budget)
        rows = room.at((side, side)).most
        reckoned = room.reckon((side, side), rows)
        if reckoned > budget:
            refused += 1  # not even one row fits: the engine would try it all the same
            continue
        peak = peak_of(partial(forward, model, rows, side // 8))
        over += peak > budget
        if rows < COUNTS.most:  # else there was more memory than rows
            used[name].append(peak / budget)
        errors.append(reckoned / max(peak, 1) - 1)
        if number % 20 == 0:
            say(f"{number}: {name}, {side} x {side}, {rows} rows: {peak / MIB:.0f} of {budget / MIB:.0f} MiB")
    return Report(
        "memory-image",
        f"{batches} random forwards of UNet or decoder, budgets of 16 to 256 MiB; float32",
        "forwards",
        (),
        (
            Target("forwards above their budget", over, most=0),
            Target(
                "share of the budget used, median",
                statistics.median(share for shares in used.values() for share in shares),
                least=0.7,
            ),
        ),
        {
            "share used, median": {name: statistics.median(shares) for name, shares in used.items() if shares},
            "reckoned / taken - 1, median": statistics.median(errors),
            "reckoned / taken - 1, least": min(errors),
            "reckoned / taken - 1, most": max(errors),
            "forwards that not even one row would fit": refused,
            "bytes of a pixel, steps": sizes.steps,
            "bytes of a pixel, decode": sizes.decode,
        },
        machine(),
    )


def _steps(model: ImagePipeline, rows: int, side: int) -> None:
    unet = model.pipe.unet
    words = torch.randn(1, 77, unet.config.cross_attention_dim, device=unet.device)
    shown = torch.randn(1, unet.config.in_channels, side, side, device=unet.device)
    row = DenoiserRow(shown, torch.tensor(500, device=unet.device), Condition(words, {}))
    denoise(unet, [row] * rows, rows)


def _decode(model: ImagePipeline, rows: int, side: int) -> None:
    vae = model.pipe.vae
    latents = torch.randn(1, vae.config.latent_channels, side, side, device=vae.device)
    decode(model.pipe, [latents] * rows, rows)


def peak_of(forward: Callable[[], None]) -> int:
    """Bytes that the process, or the accelerator's allocator, took more at the highest than before."""
    free_memory()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        forward()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    # Without the heap's store of freed memory, which would hide what this forward needs.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark to what is resident now (proc(5))
    before = _status("VmRSS")
    forward()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) * 1024
