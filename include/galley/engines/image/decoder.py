"""The autoencoder's decoder: latents of several pictures to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from galley.engines.image.pipeline import memory_format


@torch.inference_mode()
def decode(pipe: Any, latents: Sequence[Tensor], count: int) -> Tensor:
    """Pixels (pictures, height, width, 3), float in [0, 1] on the CPU, of latents (1, channels, height / 8, width / 8).

    One forward of ``count`` rows; those beyond ``latents`` are padding.
    """
    vae = pipe.vae
    config = vae.config
    rows = torch.cat([*latents, *[latents[0]] * (count - len(latents))]).to(vae.dtype)
    mean, spread = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is not None and spread is not None:
        mean, spread = (torch.tensor(each, device=rows.device).view(1, -1, 1, 1) for each in (mean, spread))
        rows = (rows * spread / config.scaling_factor + mean).to(vae.dtype)
    else:
        rows = rows / config.scaling_factor
    decoded = vae.decode(rows.contiguous(memory_format=memory_format(vae)), return_dict=False)[0]
    pixels: Tensor = pipe.image_processor.postprocess(decoded[: len(latents)], output_type="pt")
    return pixels.permute(0, 2, 3, 1).float().cpu()
