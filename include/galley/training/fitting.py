"""Finds where, and how large, the objects of a scene were drawn in a picture that was asked for it.

Everything else about the scene is known; what is left, three numbers an object, is found by gradient descent on how
much of each pixel the object covers, from blurred edges to sharp ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from galley.training.drawing import distance, draw
from galley.training.scenes import COLOURS, JITTER, PALETTE, RADII, SHAPES, SLIDE, Scenes

WINDOW = 0.5625
"""Side of the square that is looked at around an object, in parts of the picture's: the largest, and room to move."""
SOFT, SHARP = 2.0, 0.4
"""Pixels over which an edge is blurred, at the beginning and at the end."""
RATES = (0.008, 0.003)
"""Learning rates of centre and radius, in parts of the picture's side; they fall to nothing."""


def fit_scenes(scenes: Scenes, pictures: Tensor, steps: int = 20) -> tuple[Scenes, Tensor]:
    """The scenes with the centres and radii that were drawn, as near as the asked ones allow.

    Args:
        scenes: n of them, as they were asked for.
        pictures: float32 RGB in [0, 1], shape (n, 3, side, side).
        steps: of the descent.

    Returns:
        Scenes that differ in ``centre`` and ``radius`` alone, and by how much each picture differs from them: the root
        of the mean square, shape (n,).
    """
    centre, radius = scenes.centre.copy(), scenes.radius.copy()
    ground = draw(replace(scenes, count=np.zeros_like(scenes.count)), pictures.shape[-1])
    for j in (0, 1):
        for shape in range(len(SHAPES)):
            rows = np.flatnonzero((scenes.count > j) & (scenes.shape[:, j] == shape))
            if len(rows):
                found = _fit_objects(scenes.take(rows), j, pictures[rows], ground[rows], steps)
                centre[rows, j], radius[rows, j] = found
    fitted = replace(scenes, centre=centre, radius=radius)
    return fitted, ((draw(fitted, pictures.shape[-1]) - pictures) ** 2).mean((1, 2, 3)).sqrt()


def _fit_objects(scenes: Scenes, j: int, pictures: Tensor, ground: Tensor, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres (n, 2) and radii (n,) of the ``j``-th objects, which are all of one shape."""
    n, side = len(scenes), pictures.shape[-1]
    shape = SHAPES[scenes.shape[0, j]]
    asked = torch.from_numpy(scenes.centre[:, j])
    two = torch.from_numpy(scenes.count == 2)
    reach = torch.full((n, 2), JITTER)
    across = torch.from_numpy((scenes.relation >= 2).astype(np.int64))  # two, one above the other, slide sideways
    reach[torch.arange(n), across] = torch.where(two, SLIDE / 2 + JITTER, JITTER)
    low, high = asked - reach, asked + reach

    palette = torch.tensor([PALETTE[name] for name in COLOURS], dtype=torch.float32) / 255
    toward = palette[torch.from_numpy(scenes.colour[:, j]).long()][:, :, None, None] - ground
    cover = ((pictures - ground) * toward).sum(1) / (toward**2).sum(1).clamp_min(1e-3)
    cover = cover.clamp(0, 1)
    tick = (torch.arange(side) + 0.5) / side
    xy = torch.stack(torch.meshgrid(tick, tick, indexing="xy"), dim=-1)
    near = ((xy - asked[:, None, None]).abs() < (reach + max(sum(each) for each in RADII))[:, None, None]).all(-1)
    weight = torch.where((cover > 0.4) & near, cover, 0.0)
    mass = weight.sum((1, 2))[:, None]
    middle = (weight[..., None] * xy).sum((1, 2)) / mass.clamp_min(1)
    begin = torch.where(mass > side * side / 340, middle, asked).clamp(low, high)

    cut = round(WINDOW * side)
    corner = (begin * side - cut / 2).round().long().clamp(0, side - cut)
    step = torch.arange(cut)
    x, y = corner[:, 0, None, None] + step, corner[:, 1, None, None] + step[:, None]
    target = cover[torch.arange(n)[:, None, None], y, x]
    points = (torch.stack(torch.broadcast_tensors(x, y), dim=-1) + 0.5) / side

    small, alone, paired = (torch.tensor(each) for each in RADII)
    large = torch.from_numpy(scenes.large[:, j] == 1)[:, None]
    least, width = torch.where(large, torch.where(two[:, None], paired, alone), small).unbind(1)
    centre = begin.clone().requires_grad_()
    radius = (least + width / 2).requires_grad_()
    optimiser = torch.optim.Adam([{"params": [centre]}, {"params": [radius]}], betas=(0.7, 0.9))
    for number in range(steps):
        part = number / steps
        for group, rate in zip(optimiser.param_groups, RATES, strict=True):
            group["lr"] = rate * (1 - part)
        p = (points - centre[:, None, None]) / radius[:, None, None, None]
        edge = SOFT + (SHARP - SOFT) * part
        made = torch.sigmoid(-distance(shape, p) * radius[:, None, None] * side / edge)
        loss = ((made - target) ** 2).mean((1, 2)).sum()
        slopes = torch.autograd.grad(loss, (centre, radius))
        for value, slope in zip((centre, radius), slopes, strict=True):
            value.grad = slope.nan_to_num(0, 0, 0)  # the root of a distance of nought has no slope
        optimiser.step()
        with torch.no_grad():
            centre.copy_(centre.clamp(low, high))
            radius.copy_(radius.clamp(least, least + width))
    return centre.detach().numpy(), radius.detach().numpy()
