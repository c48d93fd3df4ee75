"""A scene is found where it was drawn, whatever was asked for within the bounds of its words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from galley.training.drawing import draw
from galley.training.fitting import fit_scenes
from galley.training.scenes import RADII, training_scenes

SIDE = 64


def test_what_was_drawn_is_found_within_a_pixel() -> None:
    drawn = training_scenes(160, 5)
    rng = np.random.default_rng(6)
    asked = replace(
        drawn,
        centre=(drawn.centre + rng.uniform(-0.01, 0.01, drawn.centre.shape)).astype(np.float32),
        radius=np.full_like(drawn.radius, 0.2),  # is not looked at
    )
    found, error = fit_scenes(asked, draw(drawn, SIDE))
    there = np.arange(2) < drawn.count[:, None]
    assert np.abs(found.centre - drawn.centre)[there].max() * SIDE < 1
    assert np.abs(found.radius - drawn.radius)[there].max() * SIDE < 1.5
    assert error.median() < 0.02
    for name in ("count", "shape", "colour", "large", "relation", "ground", "gradient"):
        assert (getattr(found, name) == getattr(drawn, name)).all()


def test_what_cannot_be_found_keeps_to_its_words_and_has_a_great_error() -> None:
    asked = training_scenes(40, 7)
    found, error = fit_scenes(asked, torch.rand(40, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)))
    there = np.arange(2) < asked.count[:, None]
    assert np.isfinite(found.centre).all() and (found.centre > 0).all() and (found.centre < 1).all()
    (small, more), (_, _), (large, _) = RADII
    assert (found.radius[there & (asked.large == 0)] <= small + more + 1e-6).all()
    assert (found.radius[there & (asked.large == 1)] >= large - 1e-6).all()
    assert error.min() > 0.2
