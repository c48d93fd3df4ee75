"""Reads a drawn scene back with classical image processing: the independent measurer of ``starter-image``.

It knows the words and colours of the drawn world, but neither its drawing code nor any model: grounds come from the
picture's border, objects from what differs from the ground, shapes from templates of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

COLOURS = {
    "red": (220, 30, 35), "green": (30, 150, 60), "blue": (35, 70, 215), "yellow": (250, 220, 40),
    "white": (248, 248, 248), "black": (16, 16, 18), "orange": (248, 138, 20), "purple": (130, 45, 175),
    "pink": (250, 150, 195), "cyan": (60, 205, 220),
}  # fmt: skip
LARGE_FROM = 0.168
"""An object whose radius is at least this part of the picture's side is large."""
REACH = {
    "circle": 1.84, "square": 1.6, "triangle": 1.9, "star": 1.9, "ring": 1.9, "cross": 1.84, "heart": 1.92,
    "hexagon": 2.0,
}  # fmt: skip
"""Longer side of a shape in radii."""


@dataclass(frozen=True)
class Seen:
    """One object: names, and where it lies in parts of the picture's side."""

    shape: str
    colour: str
    large: bool
    x: float
    y: float

    @property
    def place(self) -> tuple[int, int]:
        """Column and row of the three by three grid."""
        return tuple(int(v >= 0.385) + int(v >= 0.615) for v in (self.x, self.y))  # type: ignore[return-value]


@dataclass(frozen=True)
class Reading:
    """A whole picture: the ground's two ends, ``plain``, ``down`` or ``across``, and the objects, largest first."""

    ground: tuple[str, str]
    gradient: str
    objects: tuple[Seen, ...]


def name_colour(rgb: np.ndarray) -> str:
    """The nearest colour name."""
    return min(COLOURS, key=lambda name: float(((np.asarray(COLOURS[name]) - rgb) ** 2).sum()))


def _templates(size: int = 96) -> dict[str, np.ndarray]:
    def turn(n: int, start: float, radius: float = 1.0) -> list[tuple[float, float]]:
        angles = [start + math.tau * k / n for k in range(n)]
        return [(radius * math.cos(a), radius * math.sin(a)) for a in angles]

    up = -math.pi / 2
    spikes = [p for pair in zip(turn(5, up), turn(5, up + math.pi / 5, 0.42), strict=True) for p in pair]
    a = 0.33
    plus = [(-a, -1), (a, -1), (a, -a), (1, -a), (1, a), (a, a), (a, 1), (-a, 1), (-a, a), (-1, a), (-1, -a), (-a, -a)]
    t = np.linspace(0, math.tau, 200)
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    lobes = list(zip(1.026 * np.sin(t) ** 3, -height / 16, strict=True))
    outlines = {
        "circle": turn(120, 0), "square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "triangle": [(0, -1), (1.1, 0.8), (-1.1, 0.8)], "star": spikes, "cross": plus, "heart": lobes,
        "hexagon": turn(6, 0),
    }  # fmt: skip
    masks = {}
    for name, outline in outlines.items():
        picture = Image.new("L", (4 * size, 4 * size))
        ImageDraw.Draw(picture).polygon([(2 * size + x * size, 2 * size + y * size) for x, y in outline], fill=255)
        masks[name] = _normal(np.asarray(picture) > 0)
    hole = Image.new("L", (4 * size, 4 * size))
    pen = ImageDraw.Draw(hole)
    pen.ellipse([size, size, 3 * size, 3 * size], fill=255)
    pen.ellipse([1.49 * size, 1.49 * size, 2.51 * size, 2.51 * size], fill=0)
    return masks | {"ring": _normal(np.asarray(hole) > 0)}


def _normal(mask: np.ndarray, side: int = 64) -> np.ndarray:
    """Cut a mask to its bounding box and scale it, aspect kept, into a square; values are coverages in [0, 1]."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    longest = max(cut.shape)
    square = np.zeros((longest, longest), dtype=np.float32)
    top, left = (longest - cut.shape[0]) // 2, (longest - cut.shape[1]) // 2
    square[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    return np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.BILINEAR))


TEMPLATES = _templates()


def name_shape(coverage: np.ndarray) -> str:
    """The template with the greatest overlap (intersection over union of coverages)."""
    seen = _normal_coverage(coverage)

    def overlap(name: str) -> float:
        template = TEMPLATES[name]
        return float(np.minimum(seen, template).sum() / np.maximum(seen, template).sum())

    return max(TEMPLATES, key=overlap)


def _normal_coverage(coverage: np.ndarray, side: int = 64) -> np.ndarray:
    """As `_normal`, for a soft mask: enlarged first, so that half-covered edge pixels place the box within a pixel."""
    height, width = coverage.shape
    soft = Image.fromarray(coverage.astype(np.float32))
    return _normal(np.asarray(soft.resize((width * 4, height * 4), Image.Resampling.BICUBIC)) > 0.5, side)


def read(picture: np.ndarray) -> Reading:
    """Read an RGB picture (side, side, 3) with values 0 to 255."""
    rgb = picture.astype(np.float32)
    side = rgb.shape[0]
    edge = max(1, side // 64)
    top, bottom = np.median(rgb[:edge].reshape(-1, 3), 0), np.median(rgb[-edge:].reshape(-1, 3), 0)
    left, right = np.median(rgb[:, :edge].reshape(-1, 3), 0), np.median(rgb[:, -edge:].reshape(-1, 3), 0)
    down, across = np.linalg.norm(top - bottom), np.linalg.norm(left - right)
    tick = ((np.arange(side) + 0.5) / side)[:, None]
    if max(down, across) < 45:
        gradient, first, last = "plain", *([np.median(np.stack([top, bottom, left, right]), 0)] * 2)
        ground = np.broadcast_to(first, rgb.shape)
    elif down >= across:
        gradient, first, last = "down", top, bottom
        ground = np.broadcast_to((first + (last - first) * tick)[:, None], rgb.shape)
    else:
        gradient, first, last = "across", left, right
        ground = np.broadcast_to((first + (last - first) * tick)[None], rgb.shape)
    difference = np.linalg.norm(rgb - ground, axis=-1)
    labels, count = ndimage.label(difference > 38)
    areas = ndimage.sum_labels(np.ones_like(labels), labels, range(1, count + 1)) if count else np.zeros(0)
    objects = []
    for index in sorted(range(count), key=lambda k: -areas[k])[:4]:
        if areas[index] < 0.004 * side * side:
            break
        mask = labels == index + 1
        core = ndimage.binary_erosion(mask, iterations=max(1, side // 64))
        colour = np.median(rgb[core if core.sum() > 8 else mask], 0)
        box = ndimage.find_objects(mask.astype(int))[0]
        grown = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in box)
        near = ndimage.binary_dilation(mask, iterations=2)
        contrast = np.linalg.norm(colour - ground, axis=-1).clip(min=1)
        coverage = np.where(near, difference / contrast, 0).clip(0, 1)[grown]
        height, width = (s.stop - s.start for s in box)
        shape = name_shape(coverage)
        objects.append(
            Seen(
                shape=shape,
                colour=name_colour(colour),
                large=max(height, width) / side / REACH[shape] >= LARGE_FROM,
                x=(box[1].start + box[1].stop) / 2 / side,
                y=(box[0].start + box[0].stop) / 2 / side,
            )
        )
    return Reading((name_colour(first), name_colour(last)), gradient, tuple(objects))
