"""Pictures that others begin with: from bytes to noisy latents, as diffusers' image-to-image pipelines make them."""

from __future__ import annotations

import io
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image, ImageOps
from torch import Tensor

from galley.engines.base import RequestError
from galley.engines.image.pipeline import memory_format
from galley.engines.numerics import device
from galley.items import ImageParams

MOST_PIXELS = 50_000_000
"""Of a picture: 150 MB once it is decoded."""


def pixels(data: bytes, params: ImageParams) -> Image.Image:
    """The picture in RGB and in the size that is wanted: scaled and cut to it around its centre, on white if it has
    holes.

    Raises `RequestError` where the bytes are no picture, or one that is too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as found:
            if found.width * found.height > MOST_PIXELS:
                raise RequestError(
                    "bad_init_image",
                    f"its init_image has {found.width} x {found.height} pixels; at most {MOST_PIXELS // 10**6} million "
                    "are read",
                )
            whole = ImageOps.exif_transpose(found).convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RequestError("bad_init_image", f"its init_image cannot be read: {error}") from error
    white = Image.new("RGBA", whole.size, "white")
    picture = Image.alpha_composite(white, whole).convert("RGB")
    return ImageOps.fit(picture, (params.width, params.height), Image.Resampling.LANCZOS)


def begin(
    pipe: Any, picture: Image.Image, params: ImageParams, scheduler: Any, generator: Any
) -> tuple[Tensor, Tensor]:
    """Latents (1, channels, height / 8, width / 8) of the picture with the noise of the first step that is made on it,
    and the timesteps from there on.

    ``scheduler`` has its timesteps set and is told where it begins. The generator is drawn from in stock order: the
    latents' own spread first, then the noise.
    """
    skipped = (params.num_inference_steps - params.initial_steps) * scheduler.order
    timesteps: Tensor = scheduler.timesteps[skipped:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    latents = _encoded(pipe, picture, generator)
    noise = randn_tensor(latents.shape, generator=generator, device=device(), dtype=latents.dtype)
    return scheduler.add_noise(latents, noise, timesteps[:1]), timesteps


def _encoded(pipe: Any, picture: Image.Image, generator: Any) -> Tensor:
    # A picture at a time: what it gives depends on no company.
    vae, dtype = pipe.vae, pipe.unet.dtype
    shown = pipe.image_processor.preprocess(picture).to(device(), vae.dtype)
    spread = vae.encode(shown.contiguous(memory_format=memory_format(vae))).latent_dist
    latents: Tensor = spread.sample(generator).to(dtype)
    mean, deviation = (getattr(vae.config, name, None) for name in ("latents_mean", "latents_std"))
    if mean is None or deviation is None:
        return latents * vae.config.scaling_factor
    mean, deviation = (torch.tensor(each, device=device(), dtype=dtype).view(1, -1, 1, 1) for each in (mean, deviation))
    return (latents - mean) * vae.config.scaling_factor / deviation
