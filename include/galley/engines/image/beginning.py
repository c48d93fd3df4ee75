"""Pictures that others begin with: from bytes to noisy latents, as diffusers' image-to-image pipelines make them."""

from __future__ import annotations

import io
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image, ImageOps
from torch import Tensor

from galley.engines.base import ReadImage, RequestError
from galley.engines.image.pipeline import memory_format
from galley.engines.numerics import device
from galley.items import ImageParams

MOST_PIXELS = 25_000_000
"""Of a picture: it takes 200 MB while it is scaled."""


class Beginnings:
    """Pictures in the sizes that are wanted; the latest used are kept, for many requests begin with the same."""

    def __init__(self, read: ReadImage, keep: int = 16) -> None:
        """``read`` gives the bytes; its errors are the caller's."""
        self._read, self._keep = read, keep
        self._kept: dict[tuple[str, int, int], Image.Image] = {}

    def get(self, sha256: str, params: ImageParams) -> Image.Image:
        """The picture in RGB and in the size of ``params``. Raises `RequestError` where it cannot be used."""
        key = (sha256, params.width, params.height)
        found = self._kept.pop(key, None) or pixels(self._read(sha256), params)
        self._kept[key] = found  # last: the latest used
        if len(self._kept) > self._keep:
            self._kept.pop(next(iter(self._kept)))
        return found


def pixels(data: bytes, params: ImageParams) -> Image.Image:
    """The picture in RGB, scaled and cut around its centre to the size that is wanted, on white if it has holes.

    Raises `RequestError` where the bytes are no picture, or one that is too large.
    """
    size = (params.width, params.height)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as found:
            if found.width * found.height > MOST_PIXELS:
                raise RequestError(
                    "bad_init_image",
                    f"its init_image has {found.width} x {found.height} pixels; at most {MOST_PIXELS // 10**6} million "
                    "are read",
                )
            ImageOps.exif_transpose(found, in_place=True)
            picture = found.convert("RGBA" if found.has_transparency_data else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RequestError("bad_init_image", f"its init_image cannot be read: {error}") from error
    picture = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    if picture.mode == "RGB":
        return picture
    return Image.alpha_composite(Image.new("RGBA", size, "white"), picture).convert("RGB")


def begin(
    pipe: Any, picture: Image.Image, params: ImageParams, scheduler: Any, generator: Any
) -> tuple[Tensor, Tensor]:
    """Latents (1, channels, height / 8, width / 8) of the picture with the noise of the first step that is made on it,
    and the timesteps from there on.

    ``scheduler`` has its timesteps set and is told where it begins. The generator is drawn from in stock order: the
    latents' own spread first, then the noise. Raises `RequestError` where the scheduler adds no noise to latents.
    """
    if not hasattr(scheduler, "add_noise"):
        raise RequestError("unknown_scheduler", f"a {type(scheduler).__name__} cannot begin with a picture")
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
    own = vae.dtype
    # SDXL's pipeline encodes in float32 where the autoencoder asks for it, in bfloat16 too; other families never do.
    wide = torch.float32 if vae.config.force_upcast and hasattr(pipe, "text_encoder_2") else own
    try:
        vae.to(wide)
        shown = pipe.image_processor.preprocess(picture).to(device(), wide)
        spread = vae.encode(shown.contiguous(memory_format=memory_format(vae))).latent_dist
        latents: Tensor = spread.sample(generator).to(dtype)
    finally:
        vae.to(own)
    mean, deviation = (getattr(vae.config, name, None) for name in ("latents_mean", "latents_std"))
    if mean is None or deviation is None:
        return latents * vae.config.scaling_factor
    mean, deviation = (torch.tensor(each, device=device(), dtype=dtype).view(1, -1, 1, 1) for each in (mean, deviation))
    return (latents - mean) * vae.config.scaling_factor / deviation
