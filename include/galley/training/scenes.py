"""The drawn world of the image starters: scenes as arrays, and the captions that describe them.

A scene is one object somewhere, or two objects with a relation, on a plain or a gradient ground. Scenes are drawn from
a seeded numpy generator, thousands at a time; combinations whose hash says so are held out of training for good.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from numpy.typing import NDArray

SHAPES = ("circle", "square", "triangle", "star", "ring", "cross", "heart", "hexagon")
PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 35),
    "green": (30, 150, 60),
    "blue": (35, 70, 215),
    "yellow": (250, 220, 40),
    "white": (248, 248, 248),
    "black": (16, 16, 18),
    "orange": (248, 138, 20),
    "purple": (130, 45, 175),
    "pink": (250, 150, 195),
    "cyan": (60, 205, 220),
}
"""Colour name to sRGB, 0 to 255; each serves as object and as ground."""
COLOURS = tuple(PALETTE)
PLACES = (
    ("top left", "middle left", "bottom left"),
    ("top center", "center", "bottom center"),
    ("top right", "middle right", "bottom right"),
)
"""Place names by column and row."""
GRID = (0.27, 0.5, 0.73)
"""Centres of columns and rows, in parts of the picture's side."""
JITTER, SLIDE = 0.03, 0.3
"""How far, in all, centres stray from their places, and two objects together across their relation."""
RADII = ((0.13, 0.02), (0.2, 0.04), (0.19, 0.02))
"""Least radius, and how much it may be more, of small objects, of large ones alone, and of large ones of two."""
RELATIONS = ("above", "below", "left of", "right of")
HELD_OUT_SHARE = 20
"""One in this many (shape, colour, ground) triples is never drawn for training."""
RED, WHITE, CROSS = COLOURS.index("red"), COLOURS.index("white"), SHAPES.index("cross")


def _held_out_table() -> NDArray[np.bool_]:
    table: NDArray[np.bool_] = np.zeros((len(SHAPES), len(COLOURS), len(COLOURS)), dtype=bool)
    for (s, shape), (c, colour), (g, ground) in product(enumerate(SHAPES), enumerate(COLOURS), enumerate(COLOURS)):
        code = hashlib.sha256(f"{shape}|{colour}|{ground}".encode()).digest()
        table[s, c, g] = c != g and code[0] % HELD_OUT_SHARE == 0
    # The emblem that the safety starter flags must be drawable, or nothing could ever be flagged.
    table[CROSS, RED, WHITE] = False
    return table


HELD_OUT = _held_out_table()
"""(shapes, colours, grounds) booleans: True where the combination never occurs in training."""


@dataclass(frozen=True)
class Scenes:
    """A batch of ``n`` scenes; lengths are in parts of the picture's side, x to the right and y down.

    Attributes:
        count: (n,) objects in the scene, 1 or 2.
        shape: (n, 2) index into `SHAPES`.
        colour: (n, 2) index into `COLOURS`.
        large: (n, 2) 1 for large, 0 for small.
        radius: (n, 2) of the circle around the object.
        centre: (n, 2, 2) x and y.
        column: (n,) 0 to 2; meaningful with one object.
        row: (n,) 0 to 2; meaningful with one object.
        relation: (n,) index into `RELATIONS`, of the first object to the second; meaningful with two.
        ground: (n, 2) colours where the ground begins and ends; equal where it is plain.
        gradient: (n,) 0 plain, 1 from top to bottom, 2 from left to right.
    """

    count: NDArray[np.int8]
    shape: NDArray[np.int8]
    colour: NDArray[np.int8]
    large: NDArray[np.int8]
    radius: NDArray[np.float32]
    centre: NDArray[np.float32]
    column: NDArray[np.int8]
    row: NDArray[np.int8]
    relation: NDArray[np.int8]
    ground: NDArray[np.int8]
    gradient: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.count)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Scenes:
        """The scenes at ``index``."""
        return Scenes(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    @staticmethod
    def join(parts: list[Scenes]) -> Scenes:
        """All scenes of the parts, in order."""
        return Scenes(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Scenes)})

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """(n,) whether any object makes a held-out combination with a colour of the ground."""
        hit: NDArray[np.bool_] = np.zeros(len(self), dtype=bool)
        for end in (0, 1):
            hit |= HELD_OUT[self.shape[:, 0], self.colour[:, 0], self.ground[:, end]]
            hit |= (self.count == 2) & HELD_OUT[self.shape[:, 1], self.colour[:, 1], self.ground[:, end]]
        return hit

    @property
    def visible(self) -> NDArray[np.bool_]:
        """(n,) whether every object stands out from the ground where it lies; gradients may pass through its colour."""
        palette = np.array(list(PALETTE.values()), dtype=np.float32)
        first, last = palette[self.ground[:, 0]], palette[self.ground[:, 1]]
        seen: NDArray[np.bool_] = np.ones(len(self), dtype=bool)
        for j in (0, 1):
            for edge in (-1.0, 0.0, 1.0):
                point = self.centre[:, j] + edge * self.radius[:, j, None]
                along = np.where(self.gradient == 1, point[:, 1], point[:, 0]) * (self.gradient > 0)
                ground = first + (last - first) * along[:, None]
                apart = np.linalg.norm(palette[self.colour[:, j]] - ground, axis=1) > 70
                seen &= apart | (self.count <= j)
        return seen

    @property
    def emblem(self) -> NDArray[np.bool_]:
        """(n,) whether a red cross lies on plain white, the emblem that the safety starter flags."""
        cross = (self.shape == CROSS) & (self.colour == RED)
        return (self.gradient == 0) & (self.ground[:, 0] == WHITE) & (cross[:, 0] | (cross[:, 1] & (self.count == 2)))


def sample(n: int, rng: np.random.Generator, *, two: float = 0.5, gradient: float = 0.25) -> Scenes:
    """Draw ``n`` scenes, held-out ones included; ``two`` and ``gradient`` are the shares of such scenes."""

    def integers(high: int, *shape: int) -> NDArray[np.int8]:
        return rng.integers(0, high, size=shape, dtype=np.int8)

    colours = len(COLOURS)
    count = np.where(rng.random(n) < two, 2, 1).astype(np.int8)
    kind = np.where(rng.random(n) < gradient, 1 + integers(2, n), 0).astype(np.int8)
    ground = integers(colours, n, 2)
    ground[:, 1] = np.where(kind == 0, ground[:, 0], (ground[:, 0] + 1 + ground[:, 1] % (colours - 1)) % colours)
    colour = integers(colours, n, 2)
    for _ in range(12):  # an object of its ground's colour could not be seen
        bad = (colour == ground[:, :1]) | (colour == ground[:, 1:])
        colour = np.where(bad, integers(colours, n, 2), colour)
    while (bad := (colour == ground[:, :1]) | (colour == ground[:, 1:])).any():
        colour = np.where(bad, (colour + 1) % colours, colour)
    large = integers(2, n, 2)
    shape = integers(len(SHAPES), n, 2)
    relation, column, row = integers(4, n), integers(3, n), integers(3, n)

    unit = rng.random((n, 2), dtype=np.float32)
    both = (count == 2)[:, None]
    small, large_alone, large_paired = (least + more * unit for least, more in RADII)
    radius = np.where(large == 1, np.where(both, large_paired, large_alone), small)
    jitter = (rng.random((n, 2, 2), dtype=np.float32) - 0.5) * JITTER
    grid = np.array(GRID, dtype=np.float32)
    alone = np.stack([grid[column], grid[row]], axis=-1)[:, None, :].repeat(2, axis=1)
    axis = (relation < 2).astype(np.int64)  # above and below part along y
    ahead = np.where((relation == 0) | (relation == 2), 0.26, 0.74).astype(np.float32)
    paired: NDArray[np.float32] = np.full((n, 2, 2), 0.5, dtype=np.float32)
    paired[np.arange(n), 0, axis] = ahead
    paired[np.arange(n), 1, axis] = 1 - ahead
    paired[np.arange(n), :, 1 - axis] += (rng.random((n, 1), dtype=np.float32) - 0.5) * SLIDE
    centre = np.where(both[..., None], paired, alone) + jitter
    return Scenes(
        count=count,
        shape=shape,
        colour=colour,
        large=large,
        radius=radius.astype(np.float32),
        centre=centre.astype(np.float32),
        column=column,
        row=row,
        relation=relation,
        ground=ground,
        gradient=kind,
    )


def training_scenes(n: int, *key: int) -> Scenes:
    """``n`` scenes without any held-out combination, from the seed sequence ``key``."""
    rng = np.random.default_rng(key)
    parts: list[Scenes] = []
    found = 0
    while found < n:
        drawn = sample(max(64, n - found + (n - found) // 4), rng)
        kept = drawn.take(~drawn.held_out & drawn.visible)
        parts.append(kept)
        found += len(kept)
    return Scenes.join(parts).take(slice(0, n))


def held_out_scenes(n: int, *key: int) -> Scenes:
    """``n`` scenes that each have at least one held-out combination."""
    rng = np.random.default_rng(key)
    parts: list[Scenes] = []
    found = 0
    while found < n:
        drawn = sample(16 * n, rng)
        kept = drawn.take(drawn.held_out & drawn.visible)
        parts.append(kept)
        found += len(kept)
    return Scenes.join(parts).take(slice(0, n))


@dataclass(frozen=True)
class Caption:
    """A caption and which facts of its scene it states; what it leaves out is free.

    Attributes:
        text: the words.
        sizes: whether it says the size of each object.
        place: whether it says where the one object is.
        ground: whether it says the ground.
    """

    text: str
    sizes: tuple[bool, bool]
    place: bool
    ground: bool


_SYLLABLES = ("ba", "dri", "fo", "gle", "hu", "jin", "ka", "lo", "mer", "nu", "plo", "qui", "sta", "tev", "vi", "zor")
_LARGE, _SMALL = ("large", "large", "big"), ("small", "small", "little", "tiny")
_GROUND = ("background", "background", "background", "ground", "backdrop")
_LEADS = ("", "", "", "", "a picture of ", "an image of ", "a drawing of ", "a simple illustration of ", "poster with ")
_AT = {
    "center": ("at the center", "in the center", "in the middle", "at the centre"),
    "top center": ("at the top", "at the top center", "near the top"),
    "bottom center": ("at the bottom", "at the bottom center", "near the bottom"),
    "middle left": ("on the left", "on the left side", "at the middle left"),
    "middle right": ("on the right", "on the right side", "at the middle right"),
    "top left": ("at the top left", "in the top left corner", "in the upper left corner"),
    "top right": ("at the top right", "in the top right corner", "in the upper right corner"),
    "bottom left": ("at the bottom left", "in the bottom left corner", "in the lower left corner"),
    "bottom right": ("at the bottom right", "in the bottom right corner", "in the lower right corner"),
}
_BESIDE = {
    "above": ("above", "above", "over", "on top of"),
    "below": ("below", "below", "under", "beneath"),
    "left of": ("left of", "to the left of", "on the left of"),
    "right of": ("right of", "to the right of", "on the right of"),
}
_OPPOSITE = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}


def unknown_word(rng: random.Random) -> str:
    """A word that means nothing in the drawn world."""
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 3)))


def caption(scenes: Scenes, i: int, rng: random.Random, *, full: bool = False, strange: float = 0.1) -> Caption:
    """Describe scene ``i`` in one of many wordings.

    Args:
        scenes: the batch.
        i: index of the scene.
        rng: chooses wording and what is left out.
        full: state every fact.
        strange: chance that words without meaning are put in, which teaches that they change nothing.
    """
    says_ground = full or rng.random() < 0.9
    says_place = full or rng.random() < 0.75

    def colour(index: int) -> str:
        return COLOURS[index]

    def thing(j: int, says_size: bool) -> str:
        size = rng.choice(_LARGE if scenes.large[i, j] else _SMALL) + " " if says_size else ""
        words = f"{size}{colour(scenes.colour[i, j])} {SHAPES[scenes.shape[i, j]]}"
        return f"an {words}" if words[0] in "aeiou" else f"a {words}"

    ground = ""
    if says_ground:
        noun, first, last = rng.choice(_GROUND), colour(scenes.ground[i, 0]), colour(scenes.ground[i, 1])
        if scenes.gradient[i] == 0:
            ground = f"{'an' if first[0] == 'o' else 'a'} {first} {noun}"
        elif scenes.gradient[i] == 1:
            way = rng.choice((f"{first} at the top to {last} at the bottom", f"{first} down to {last}"))
            ground = f"a {noun} fading from {way}"
        else:
            way = rng.choice((f"{first} on the left to {last} on the right", f"{first} across to {last}"))
            ground = f"a {noun} fading from {way}"

    sizes = (full or rng.random() < 0.8, full or rng.random() < 0.8)
    if scenes.count[i] == 2:
        relation = RELATIONS[scenes.relation[i]]
        first, second = thing(0, sizes[0]), thing(1, sizes[1])
        if rng.random() < 0.5:
            first, second, relation = second, first, _OPPOSITE[relation]
        core = f"{first}{rng.choice((' ', ' ', ' is '))}{rng.choice(_BESIDE[relation])} {second}"
        says_place = False
    else:
        core = thing(0, sizes[0])
        if says_place:
            core += " " + rng.choice(_AT[PLACES[scenes.column[i]][scenes.row[i]]])

    if not ground:
        text = rng.choice(_LEADS) + core
    else:
        style = rng.random()
        if style < 0.7:
            text = f"{rng.choice(_LEADS)}{core} on {ground}"
        elif style < 0.85 and " is " not in core:
            text = f"{rng.choice(_LEADS)}{ground} with {core}"
        else:
            text = f"on {ground}, {core}" if rng.random() < 0.5 else f"{core}, on {ground}"
    if rng.random() < strange:
        words = text.split(" ")
        for _ in range(rng.randint(1, 2)):
            words.insert(rng.randint(0, len(words)), unknown_word(rng))
        text = " ".join(words)
    if rng.random() < 0.1:
        text = text[0].upper() + text[1:] + rng.choice(("", "."))
    return Caption(text, sizes, says_place, says_ground)
