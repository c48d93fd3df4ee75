"""Several optimisers behind the face of one, for `galley.training.loop.fit`."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer


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
