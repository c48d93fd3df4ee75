"""Draws scenes with signed distance functions, a batch at a time, on any device.

Formulas for the distances follow Inigo Quilez, "2D distance functions". A pixel is covered by 0.5 - distance (in
pixels), cut to [0, 1], which is anti-aliasing.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from galley.training.scenes import COLOURS, PALETTE, SHAPES, Scenes


def _regular(sides: int, turn: float = 0.0) -> list[tuple[float, float]]:
    return [(math.cos(turn + 2 * math.pi * k / sides), math.sin(turn + 2 * math.pi * k / sides)) for k in range(sides)]


def _star(inner: float = 0.42) -> list[tuple[float, float]]:
    outer, notch = _regular(5, -math.pi / 2), _regular(5, -math.pi / 2 + math.pi / 5)
    return [point for pair in zip(outer, [(x * inner, y * inner) for x, y in notch], strict=True) for point in pair]


_ARM = 0.30
_REACH = 0.92
POLYGONS: dict[str, list[tuple[float, float]]] = {
    "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)],
    "triangle": [(0.0, -0.9), (0.95, 0.75), (-0.95, 0.75)],
    "star": _star(),
    "hexagon": _regular(6),
    "cross": [
        (-_ARM, -_REACH), (_ARM, -_REACH), (_ARM, -_ARM), (_REACH, -_ARM), (_REACH, _ARM), (_ARM, _ARM),
        (_ARM, _REACH), (-_ARM, _REACH), (-_ARM, _ARM), (-_REACH, _ARM), (-_REACH, -_ARM), (-_ARM, -_ARM),
    ],
}  # fmt: skip
"""Corners in units of the radius, y down."""


def _polygon(p: Tensor, corners: list[tuple[float, float]]) -> Tensor:
    """Signed distance of points (…, 2) to a polygon; negative inside."""
    a = torch.tensor(corners, dtype=p.dtype, device=p.device)
    b = a.roll(-1, 0)
    square = torch.full(p.shape[:-1], torch.inf, dtype=p.dtype, device=p.device)
    inside = torch.zeros(p.shape[:-1], dtype=torch.bool, device=p.device)
    for start, end in zip(a, b, strict=True):
        edge, w = end - start, p - start
        along = ((w * edge).sum(-1) / (edge @ edge)).clamp(0, 1)
        square = torch.minimum(square, ((w - edge * along[..., None]) ** 2).sum(-1))
        straddles = (start[1] > p[..., 1]) != (end[1] > p[..., 1])
        side = edge[0] * w[..., 1] - edge[1] * w[..., 0]
        inside ^= straddles & ((side < 0) == (edge[1] < 0)) & (side != 0)
    return square.sqrt() * torch.where(inside, -1.0, 1.0)


def _heart(p: Tensor) -> Tensor:
    """Exact distance to two half discs on a turned square, scaled so that the heart fills the circle."""
    scale = 0.63
    x, y = p[..., 0].abs() * scale, (0.85 - p[..., 1]) * scale
    lobe = ((x - 0.25) ** 2 + (y - 0.75) ** 2).sqrt() - math.sqrt(2) / 4
    fold = (x + y).clamp_min(0) / 2
    edge = torch.minimum(x**2 + (y - 1) ** 2, (x - fold) ** 2 + (y - fold) ** 2).sqrt() * (x - y).sign()
    return torch.where(x + y > 1, lobe, edge) / scale


def distance(shape: str, p: Tensor) -> Tensor:
    """Signed distance, in radii, of points (…, 2) given in radii around the object's centre; negative inside."""
    if shape == "circle":
        return p.norm(dim=-1) - 0.92
    if shape == "ring":
        return (p.norm(dim=-1) - 0.72).abs() - 0.23
    if shape == "heart":
        return _heart(p)
    return _polygon(p, POLYGONS[shape])


def draw(
    scenes: Scenes,
    side: int,
    device: torch.device | str = "cpu",
    *,
    corner: NDArray[np.int64] | None = None,
    cut: int | None = None,
) -> Tensor:
    """Render scenes as float32 RGB in [0, 1], shape (n, 3, side, side).

    With ``corner`` (n, 2), the x and y in pixels of each cut's top left, only squares of ``cut`` pixels are rendered.
    """
    n = len(scenes)
    palette = torch.tensor([PALETTE[name] for name in COLOURS], dtype=torch.float32, device=device) / 255
    cut = cut or side
    tick = torch.arange(cut, device=device, dtype=torch.float32) + 0.5
    xy = torch.stack(torch.meshgrid(tick, tick, indexing="xy"), dim=-1).expand(n, -1, -1, -1)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    if corner is not None:
        xy = xy + tensor(corner).float()[:, None, None]
    xy = xy / side
    ground = tensor(scenes.ground).long()
    gradient = tensor(scenes.gradient)[:, None, None]
    along = torch.where(gradient == 1, xy[..., 1], torch.where(gradient == 2, xy[..., 0], torch.zeros_like(xy[..., 0])))
    first, last = (palette[ground[:, end]][:, :, None, None] for end in (0, 1))
    picture = torch.lerp(first, last, along[:, None])
    for j in (0, 1):
        for s, name in enumerate(SHAPES):
            rows = np.flatnonzero((scenes.shape[:, j] == s) & (scenes.count > j))
            if not len(rows):
                continue
            index = tensor(rows)
            radius, centre = tensor(scenes.radius[rows, j]), tensor(scenes.centre[rows, j])
            p = (xy[index] - centre[:, None, None]) / radius[:, None, None, None]
            cover = (0.5 - distance(name, p) * radius[:, None, None] * side).clamp(0, 1)[:, None]
            colour = palette[tensor(scenes.colour[rows, j]).long()][:, :, None, None]
            picture[index] = torch.lerp(picture[index], colour.expand(-1, -1, cut, cut), cover)
    return picture.reshape(n, 3, cut, cut)
