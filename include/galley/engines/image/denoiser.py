"""Forwards of the UNet whose rows have nothing in common but their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from galley.engines.image.picture import Condition, Picture
from galley.engines.image.pipeline import memory_format


@dataclass(frozen=True)
class DenoiserRow:
    """One row of a forward.

    Attributes:
        shown: (1, channels, height / 8, width / 8), scaled as its scheduler wants.
        timestep: a number of the scheduler's own type.
        condition: of its prompt.
    """

    shown: Tensor
    timestep: Tensor
    condition: Condition


def rows_of(picture: Picture) -> list[DenoiserRow]:
    """What a picture asks next, the negative prompt's row first where it is guided."""
    shown, timestep = picture.asks(), picture.timestep
    return [DenoiserRow(shown, timestep, condition) for condition in picture.conditions]


@torch.inference_mode()
def denoise(unet: Any, rows: Sequence[DenoiserRow], count: int) -> Tensor:
    """Predictions (rows, channels, …) of one forward of ``count`` rows; those beyond ``rows`` are padding."""
    # The first row again: it is there, and no poison to others.
    padded = [*rows, *[rows[0]] * (count - len(rows))]
    shown = torch.cat([row.shown for row in padded])
    added = {name: torch.cat([row.condition.added[name] for row in padded]) for name in rows[0].condition.added}
    predictions: Tensor = unet(
        shown.contiguous(memory_format=memory_format(unet)),
        torch.stack([row.timestep.to(torch.float32) for row in padded]),
        encoder_hidden_states=torch.cat([row.condition.words for row in padded]),
        added_cond_kwargs=added or None,
        return_dict=False,
    )[0]
    # A compiled UNet writes its next predictions where these are, and schedulers keep theirs for several steps.
    return predictions[: len(rows)].clone()
