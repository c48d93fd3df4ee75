"""The loss that asks whether shapes can be told: it sees coverage alone, and slopes toward the shape that is meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from galley.training.drawing import draw
from galley.training.loop import Recipe
from galley.training.scenes import COLOURS, SHAPES, Scenes, training_scenes
from galley.training.shape_loss import POINTS, shape_loss, train_namer, windows

SIDE = 32
BRIEF = Recipe(60, 4e-3, warmup=5, ema=0.9)


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return training_scenes(48, 1)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("namer")


@pytest.fixture(scope="module")
def namer(work: Path) -> nn.Sequential:
    found = train_namer(SIDE, BRIEF, 16, work, str, None)
    assert found is not None
    return found


def of(shape: str, scenes: Scenes) -> Scenes:
    return replace(scenes, shape=np.full_like(scenes.shape, SHAPES.index(shape)))


def test_a_window_holds_what_its_object_covers(scenes: Scenes) -> None:
    discs = of("circle", scenes)
    seen, shapes, owners = windows(discs, draw(discs, SIDE))
    assert seen.shape == (int(scenes.count.sum()), 1, POINTS, POINTS)
    assert (shapes == SHAPES.index("circle")).all() and owners.bincount().tolist() == scenes.count.tolist()
    middle = seen[:, 0, POINTS // 2 - 3 : POINTS // 2 + 3, POINTS // 2 - 3 : POINTS // 2 + 3]
    torch.testing.assert_close(middle, torch.ones_like(middle), atol=1e-3, rtol=0)
    corners = seen[:, 0, [0, 0, -1, -1], [0, -1, 0, -1]]
    torch.testing.assert_close(corners, torch.zeros_like(corners), atol=1e-3, rtol=0)


def test_colours_do_not_reach_it(scenes: Scenes) -> None:
    plain = replace(scenes, gradient=np.zeros_like(scenes.gradient))

    def seen(ground: str, colour: str) -> torch.Tensor:
        painted = replace(
            plain,
            ground=np.full_like(plain.ground, COLOURS.index(ground)),
            colour=np.full_like(plain.colour, COLOURS.index(colour)),
        )
        return windows(painted, draw(painted, SIDE))[0]

    torch.testing.assert_close(seen("white", "red"), seen("blue", "yellow"), atol=1e-3, rtol=0)


def test_the_namer_learns_shapes_and_a_finished_run_is_not_repeated(
    namer: nn.Sequential, scenes: Scenes, work: Path
) -> None:
    seen, shapes, _ = windows(scenes, draw(scenes, SIDE))
    assert (namer(seen).argmax(1) == shapes).float().mean() > 0.7
    said: list[str] = []
    again = train_namer(SIDE, BRIEF, 16, work, said.append, None)
    assert again is not None and not said
    torch.testing.assert_close(again(seen), namer(seen))


def test_the_loss_is_least_for_the_shape_that_is_meant_and_slopes_toward_it(
    namer: nn.Sequential, scenes: Scenes
) -> None:
    stars, rings = of("star", scenes), of("ring", scenes)
    right, wrong = draw(stars, SIDE), draw(rings, SIDE)
    assert shape_loss(namer, stars, right) < 0.7 < shape_loss(namer, stars, wrong)
    between = torch.lerp(wrong, right, 0.5).requires_grad_()
    (slope,) = torch.autograd.grad(shape_loss(namer, stars, between), between)
    assert (slope * (right - wrong)).sum() < 0


def test_an_early_deadline_gives_none(tmp_path: Path) -> None:
    assert train_namer(SIDE, Recipe(5, 1e-3), 2, tmp_path, str, 0.0) is None
