"""Muon, and several optimisers behind the face of one, for `galley.training.loop.fit`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of Muon's polynomial, which brings singular values near one in five rounds (Jordan et al. 2024)."""
MOMENTUM = 0.95
ROUNDS = 5


def orthogonal(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """``matrix`` with its singular values brought between about 0.7 and 1.2, computed in ``dtype``."""
    first, second, third = QUINTIC
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T).to(dtype)
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.T
        x = first * x + torch.addmm(gram, gram, gram, beta=second, alpha=third) @ x
    return x if wide else x.T


class Muon(Optimizer):
    """Muon (Jordan et al. 2024) for matrices, its updates scaled to the size of AdamW's (Liu et al. 2025).

    As `torch.optim.Muon` with ``adjust_lr_fn="match_rms_adamw"``, which multiplies in bf16 everywhere. A CPU without
    instructions for that emulates them: a step of the starter took 17 s there, and a quarter of that in float32.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], lr: float, weight_decay: float, dtype: torch.dtype) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update of every matrix that has a gradient."""
        for group in self.param_groups:
            rate, decay = group["lr"], group["weight_decay"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                mean = state.setdefault("momentum", torch.zeros_like(matrix))
                mean.lerp_(matrix.grad, 1 - MOMENTUM)
                update = orthogonal(matrix.grad.lerp(mean, MOMENTUM), self.dtype)
                matrix.mul_(1 - rate * decay)
                matrix.add_(update.to(matrix.dtype), alpha=-rate * 0.2 * math.sqrt(max(matrix.shape)))


class Together:
    """Optimisers that take their steps together, each of its own parameters.

    Has what the training loop needs of an optimiser, under the same names.
    """

    def __init__(self, *parts: Optimizer) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all parts, to set learning rates in."""
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop all gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        """One update of every part."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes to go on from here."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was taken; the parts must be of the same kinds, in the same order."""
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)
