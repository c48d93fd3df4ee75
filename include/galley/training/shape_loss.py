"""A loss that asks whether an object drawn can still be told to be what it should be.

To a mean of squares a small hexagon is nearly a circle: they differ in few pixels, and there by little. So a small
network learns to name shapes from how much of each point around an object the object covers, and what draws is taught
to draw what that network names rightly (a perceptual loss, as in Johnson et al. 2016). Colours do not reach it. It
teaches alone: what the pictures are measured with knows nothing of it (`tests/starters/scene_reader.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from galley.training.drawing import draw
from galley.training.loop import Recipe, best_device, fit, generator
from galley.training.scenes import COLOURS, PALETTE, SHAPES, Scenes, training_scenes

SEED = 20261129
POINTS = 24
"""Of a window's side."""
REACH = 1.4
"""Radii from an object's centre to the sides of its window."""
BLENDED = 0.5
"""Share of the scenes whose objects are blends of two shapes, so that what lies between them has a slope."""
STRAY = 0.24
"""Radii by which windows are moved and, in parts, scaled: objects are never quite where they are said to be."""
GRAIN = 0.03
"""Largest standard deviation of the noise put on pictures."""


def build_namer() -> nn.Sequential:
    """The network: windows (n, 1, `POINTS`, `POINTS`) to logits (n, shapes)."""
    return nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1),
        nn.SiLU(),
        nn.Conv2d(24, 32, 3, stride=2, padding=1),
        nn.SiLU(),
        nn.Conv2d(32, 48, 3, stride=2, padding=1),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(48 * (POINTS // 4) ** 2, 64),
        nn.SiLU(),
        nn.Linear(64, len(SHAPES)),
    )


def windows(
    scenes: Scenes, pictures: Tensor, *, moved: Tensor | None = None, scaled: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """What each object covers of the points around it, 0 for none and 1 for all, a window in its own radii.

    Args:
        scenes: n of them.
        pictures: float32 RGB in [0, 1], shape (n, 3, side, side).
        moved: (n, 2, 2) radii by which windows lie off their objects.
        scaled: (n, 2) factors of their sizes.

    Returns:
        Windows (objects, 1, `POINTS`, `POINTS`), shapes (objects,) as indices into `SHAPES`, and scenes (objects,).
    """
    device = pictures.device
    ground = draw(replace(scenes, count=np.zeros_like(scenes.count)), pictures.shape[-1], device)
    palette = torch.tensor([PALETTE[name] for name in COLOURS], dtype=torch.float32, device=device) / 255
    tick = torch.linspace(-REACH, REACH, POINTS, device=device)
    points = torch.stack(torch.meshgrid(tick, tick, indexing="xy"), dim=-1)
    found, shapes, owners = [], [], []
    for j in (0, 1):
        rows = np.flatnonzero(scenes.count > j)
        if not len(rows):
            continue
        index = torch.from_numpy(rows).to(device)
        colour = palette[torch.from_numpy(scenes.colour[rows, j]).long().to(device)]
        toward = colour[:, :, None, None] - ground[index]
        cover = ((pictures[index] - ground[index]) * toward).sum(1) / (toward**2).sum(1).clamp_min(1e-3)
        centre = torch.from_numpy(scenes.centre[rows, j]).to(device)
        radius = torch.from_numpy(scenes.radius[rows, j]).to(device)
        if moved is not None:
            centre = centre + moved[index, j] * radius[:, None]
        if scaled is not None:
            radius = radius * scaled[index, j]
        places = points * radius[:, None, None, None] + centre[:, None, None]
        # Beyond 0 and 1 there is room, or an edge that is too sharp would have no slope back.
        found.append(
            functional.grid_sample(
                cover[:, None].clamp(-0.3, 1.3), places * 2 - 1, padding_mode="border", align_corners=False
            )
        )
        shapes.append(torch.from_numpy(scenes.shape[rows, j]).long().to(device))
        owners.append(index)
    return torch.cat(found), torch.cat(shapes), torch.cat(owners)


def train_namer(
    side: int, recipe: Recipe, batch: int, work: Path, say: Callable[[str], None], deadline: float | None
) -> nn.Sequential | None:
    """Train the network on drawn scenes; None where ``deadline`` came first."""
    device = best_device()
    torch.manual_seed(SEED)
    namer = build_namer().to(device)

    def loss_of_step(step: int) -> Tensor:
        noise = generator(device, SEED, 1, step)

        def even(*shape: int) -> Tensor:
            return torch.rand(shape, device=device, generator=noise)

        scenes = training_scenes(batch, SEED, 2, step)
        others = np.random.default_rng((SEED, 3, step)).integers(0, len(SHAPES), (batch, 2), dtype=np.int8)
        other = replace(scenes, shape=others)
        share = torch.where(even(batch) < BLENDED, even(batch), 1.0)
        part = share[:, None, None, None]
        pictures = torch.lerp(draw(other, side, device), draw(scenes, side, device), part)
        grain = torch.randn(pictures.shape, device=device, generator=noise)
        pictures = pictures + GRAIN * even(batch)[:, None, None, None] * grain
        moved, scaled = (even(batch, 2, 2) - 0.5) * STRAY, 1 + (even(batch, 2) - 0.5) * STRAY
        seen, shapes, owners = windows(scenes, pictures, moved=moved, scaled=scaled)
        _, blended, _ = windows(other, pictures)
        logits, weight = namer(seen), share[owners]
        first = functional.cross_entropy(logits, shapes, reduction="none")
        second = functional.cross_entropy(logits, blended, reduction="none")
        return (weight * first + (1 - weight) * second).mean()

    done = fit(namer, loss_of_step, recipe, work / "namer.pt", say=say, deadline=deadline)
    return namer.requires_grad_(False) if done else None


def shape_loss(namer: nn.Sequential, scenes: Scenes, pictures: Tensor) -> Tensor:
    """Mean cross-entropy, in nats, of the shapes of all objects; arguments as of `windows`."""
    seen, shapes, _ = windows(scenes, pictures)
    return functional.cross_entropy(namer(seen), shapes)
