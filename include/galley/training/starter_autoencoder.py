"""The autoencoder of ``starter-image``: first it learns to draw, then to draw from latents that are a little off.

A denoiser's latents are never exact. What a picture says must therefore lie in them by a wide margin: if hexagon and
circle are neighbours there, a denoiser that knows which is meant still draws the one for the other. So the second
lesson puts noise on the latents, from none to more than half of their spread, and asks of what is drawn that its shapes
can be told (`galley.training.shape_loss`). Encoder and decoder learn it together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from galley.training.drawing import draw
from galley.training.loop import Recipe, autocast, begin, best_device, fit, generator, layout
from galley.training.scenes import SHAPES, training_scenes
from galley.training.shape_loss import shape_loss

SEED = 20261123
CUT = 32
"""Pixels of the side of the cuts that it learns to draw on."""
HARD = tuple(SHAPES.index(name) for name in ("hexagon", "star", "triangle"))
"""Shapes whose corners it is the last to draw."""
NOISE = 0.6
"""Largest standard deviation of the noise put on latents, in standard deviations of theirs."""
CLEAN = 0.15
"""Noise at which a pixel counts half as much as without any: where an object lies is no longer certain then."""
SHAPE_WEIGHT = 0.2
"""Weight of the shapes' cross-entropy beside the error of the pixels."""
POSTERIOR = 0.05
"""Standard deviation that the encoder gives its latents, for those who sample them."""


def build_autoencoder(side: int) -> AutoencoderKL:
    """The autoencoder: pictures (n, 3, side, side) in [-1, 1] to latents (n, 4, side / 8, side / 8) and back."""
    return AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=(16, 32, 64, 128),
        layers_per_block=1,
        latent_channels=4,
        mid_block_add_attention=False,  # purely convolutional: it learns on crops and works at every size
        norm_num_groups=8,
        sample_size=side,
        scaling_factor=1.0,
    )


def pixel_loss(drawn: Tensor, wanted: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """How far pictures (n, 3, side, side) in [-1, 1] are from others; ``weight`` (n, 1, 1, 1) has a mean of 1.

    Squares weigh most: a hexagon differs from a circle in few pixels, but there by much. Edges count for themselves.
    """
    error = drawn - wanted
    across, down = error.diff(dim=-1).abs(), error.diff(dim=-2).abs()
    edges = ((across * weight).mean() + (down * weight).mean()) / 2
    return (error.abs() * weight).mean() + 10 * (error**2 * weight).mean() + edges


def cuts(n: int, side: int, device: torch.device, *key: int) -> Tensor:
    """Squares (n, 3, `CUT`, `CUT`) of scenes, near an object, most of them near a small or a hard one."""
    scenes = training_scenes(2 * n, *key)
    rng = np.random.default_rng(key)
    smaller = scenes.radius.argmin(axis=1)
    near = np.where(scenes.count == 2, np.where(rng.random(2 * n) < 0.75, smaller, 1 - smaller), 0)
    hard = np.isin(scenes.shape[np.arange(2 * n), near], HARD)
    kept = np.argsort(~hard, kind="stable")[:n]
    scenes, near = scenes.take(kept), near[kept]
    middle = scenes.centre[np.arange(n), near] * side + rng.normal(0, CUT / 3, size=(n, 2))
    corner = np.clip(middle - CUT / 2, 0, side - CUT).round().astype(np.int64)
    return draw(scenes, side, device, corner=corner, cut=CUT)


def learn_to_draw(
    side: int,
    recipe: Recipe,
    batch: int,
    work: Path,
    say: Callable[[str], None],
    deadline: float | None,
    shipped: Path | None = None,
) -> AutoencoderKL | None:
    """The first lesson, from ``batch`` cuts an update; None where ``deadline`` came first."""
    device = best_device()
    torch.manual_seed(SEED)
    model = build_autoencoder(side).to(device, memory_format=layout(device))
    begin(model, shipped)

    def loss_of_step(step: int) -> Tensor:
        pictures = cuts(batch, side, device, SEED, 1, step)
        pictures = (pictures * 2 - 1).contiguous(memory_format=layout(device))
        noise = generator(device, SEED, 2, step)
        with autocast(device):
            posterior = model.encode(pictures).latent_dist
            drawn = model.decode(posterior.sample(generator=noise)).sample
        mean, logvar = posterior.mean.float(), posterior.logvar.float()
        divergence = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
        return pixel_loss(drawn.float(), pictures) + 1e-4 * divergence

    done = fit(model, loss_of_step, recipe, work / "autoencoder.pt", say=say, deadline=deadline)
    return model if done else None


def learn_to_withstand_noise(
    model: AutoencoderKL,
    namer: nn.Sequential,
    side: int,
    recipe: Recipe,
    batch: int,
    work: Path,
    say: Callable[[str], None],
    deadline: float | None,
) -> bool:
    """The second lesson, from ``batch`` whole scenes an update; False where ``deadline`` came first."""
    device = best_device()

    def loss_of_step(step: int) -> Tensor:
        scenes = training_scenes(batch * 3 // 2, SEED, 7, step)
        alike = np.isin(scenes.shape, (SHAPES.index("circle"), *HARD)) & (np.arange(2) < scenes.count[:, None])
        scenes = scenes.take(np.argsort(~alike.any(axis=1), kind="stable")[:batch])
        pictures = (draw(scenes, side, device) * 2 - 1).contiguous(memory_format=layout(device))
        noise = generator(device, SEED, 8, step)
        spread = NOISE * torch.rand((batch, 1, 1, 1), device=device, generator=noise) ** 1.5
        weight = 1 / (1 + (spread / CLEAN) ** 2)
        with autocast(device):
            posterior = model.encode(pictures).latent_dist
            mean = posterior.mean.float()
            off = torch.randn(mean.shape, device=device, generator=noise)
            drawn = model.decode(mean + spread * mean.detach().std() * off).sample.float()
        # Small latents, as their scale means nothing, and a posterior that is sharp and alike everywhere.
        tidy = 3e-3 * (mean**2).mean() + 1e-3 * ((posterior.logvar.float() - 2 * math.log(POSTERIOR)) ** 2).mean()
        shapes = shape_loss(namer, scenes, drawn / 2 + 0.5)
        return pixel_loss(drawn, pictures, weight / weight.mean()) + SHAPE_WEIGHT * shapes + tidy

    return fit(model, loss_of_step, recipe, work / "firm.pt", say=say, deadline=deadline)
