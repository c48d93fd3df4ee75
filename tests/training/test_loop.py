"""The training loop: what was cut off goes on as if it had not been."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from galley.training.loop import Recipe, fit, generator

RECIPE = Recipe(steps=12, learning_rate=1e-2, warmup=3, ema=0.9)


def model_and_loss(seen: list[int] | None = None) -> tuple[nn.Module, object]:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)

    def loss_of_step(step: int) -> Tensor:
        if seen is not None:
            seen.append(step)
        x = torch.randn(8, 3, generator=generator("cpu", 5, step))
        return ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()

    return model, loss_of_step


def weights(model: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


class Cut(Exception):
    """Stands for whatever ends a training in the middle."""


@pytest.mark.parametrize("cut_at", [1, 5, 11])
def test_a_run_that_was_cut_off_ends_with_the_weights_of_an_undisturbed_one(tmp_path: Path, cut_at: int) -> None:
    model, loss = model_and_loss()
    assert fit(model, loss, RECIPE, tmp_path / "whole.pt", say=lambda _: None)
    expected = weights(model)

    eager = Recipe(**{**RECIPE.__dict__, "save_every": 0.0})  # a checkpoint after every step
    model, loss = model_and_loss()

    def dies(step: int) -> Tensor:
        if step == cut_at:
            raise Cut
        return loss(step)

    with pytest.raises(Cut):
        fit(model, dies, eager, tmp_path / "cut.pt", say=lambda _: None)
    seen: list[int] = []
    model, loss = model_and_loss(seen)
    assert fit(model, loss, eager, tmp_path / "cut.pt", say=lambda _: None)
    assert seen == list(range(cut_at, RECIPE.steps))
    assert all(torch.equal(a, b) for a, b in zip(weights(model), expected, strict=True))


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    model, loss = model_and_loss()
    fit(model, loss, RECIPE, tmp_path / "done.pt", say=lambda _: None)
    seen: list[int] = []
    again, loss = model_and_loss(seen)
    assert fit(again, loss, RECIPE, tmp_path / "done.pt", say=lambda _: None)
    assert seen == []
    assert all(torch.equal(a, b) for a, b in zip(weights(again), weights(model), strict=True))


def test_a_deadline_stops_and_the_next_call_goes_on(tmp_path: Path) -> None:
    model, loss = model_and_loss()
    assert not fit(model, loss, RECIPE, tmp_path / "late.pt", say=lambda _: None, deadline=time.monotonic() - 1)
    model, loss = model_and_loss()
    assert fit(model, loss, RECIPE, tmp_path / "late.pt", say=lambda _: None)


def test_a_loss_that_is_not_finite_ends_the_training_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    model, loss = model_and_loss()
    with pytest.raises(FloatingPointError, match=r"step 12.*diverged\.pt"):
        fit(model, lambda step: loss(step) * float("nan"), RECIPE, tmp_path / "diverged.pt", say=lambda _: None)
    assert not (tmp_path / "diverged.pt").exists()


def test_the_learning_rate_rises_then_falls_to_a_twentieth() -> None:
    rates = [RECIPE.rate(step) for step in range(RECIPE.steps + 1)]
    assert rates[0] < rates[1] < rates[2] == pytest.approx(1e-2)
    assert all(later <= earlier for earlier, later in pairwise(rates[3:]))
    assert rates[-1] == pytest.approx(1e-2 / 20)


def test_generators_of_different_keys_differ_and_of_equal_keys_agree() -> None:
    def draw(*key: int) -> int:
        return int(torch.randint(2**62, (1,), generator=generator("cpu", *key)))

    assert draw(1, 2) == draw(1, 2)
    assert len({draw(a, b) for a in range(20) for b in range(20)}) == 400
