"""Compares what `scene_reader` reads in a picture with what its caption asked for."""

from __future__ import annotations

from collections import Counter

from galley.training.scenes import COLOURS, RELATIONS, SHAPES, Scenes
from tests.starters.scene_reader import Reading


def score(scenes: Scenes, i: int, reading: Reading, tally: Counter[str]) -> None:
    """Add to ``tally``, for each property, ``<name>`` where it is right and ``<name> of`` always."""

    def note(name: str, right: bool) -> None:
        tally[name] += right
        tally[f"{name} of"] += 1

    kind = ("plain", "down", "across")[scenes.gradient[i]]
    asked = tuple(COLOURS[c] for c in scenes.ground[i])
    note("ground", reading.gradient == kind and reading.ground == asked)
    wanted = int(scenes.count[i])
    seen = list(reading.objects)
    if wanted == 2:
        axis = "y" if scenes.relation[i] < 2 else "x"
        seen.sort(key=lambda o: getattr(o, axis), reverse=RELATIONS[scenes.relation[i]] in ("below", "right of"))
    right_count = len(seen) == wanted
    whole = right_count
    for j in range(wanted):
        found = seen[j] if right_count else None
        colour = found is not None and found.colour == COLOURS[scenes.colour[i, j]]
        shape = found is not None and found.shape == SHAPES[scenes.shape[i, j]]
        note("colour", colour)
        note("shape", shape)
        note("size", found is not None and found.large == bool(scenes.large[i, j]))
        whole = whole and colour and shape
    if wanted == 2:
        apart = right_count and abs(getattr(seen[0], axis) - getattr(seen[1], axis)) > 0.25
        note("position", apart)
        note("both", whole and apart)
    else:
        note("position", right_count and seen[0].place == (int(scenes.column[i]), int(scenes.row[i])))
