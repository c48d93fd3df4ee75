"""One picture on its way: its own scheduler, noise and embeddings, as if it were alone."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from galley.engines.image.beginning import begin
from galley.engines.image.pipeline import ImagePipeline
from galley.engines.numerics import device
from galley.items import ImageParams, PlannedRequest

FAMILIES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")


@dataclass(frozen=True)
class Condition:
    """What one row of the UNet is told of its prompt.

    Attributes:
        words: (1, tokens, size) hidden states of the text encoders.
        added: SDXL's pooled embedding ``text_embeds`` (1, size) and ``time_ids`` (1, 6); empty for others.
    """

    words: Tensor
    added: dict[str, Tensor]


@dataclass(eq=False)
class Picture:
    """A request on its way.

    Attributes:
        planned: the request.
        params: its parameters.
        latents: (1, channels, height / 8, width / 8), or None before it begins.
        scheduler: its own, stepped so far.
        timesteps: of its evaluations, numbers of the scheduler's own type.
        conditions: of its rows, the negative prompt's first where it is guided.
        truncated: whether a text encoder does not see the end of the prompt.
        index: evaluations done.
        seconds: its share of the forwards it took part in.
        company: items of the forwards it took part in, itself included, added up.
    """

    planned: PlannedRequest
    params: ImageParams
    latents: Any = None
    scheduler: Any = None
    timesteps: Any = None
    conditions: tuple[Condition, ...] = ()
    truncated: bool = False
    index: int = 0
    seconds: float = 0.0
    company: int = 0
    _options: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows of the UNet it needs: without guidance there is no negative one."""
        return 2 if self.params.guidance_scale > 1 else 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels: what must be equal in one forward."""
        return self.params.width, self.params.height

    @property
    def evaluations(self) -> int:
        """Forwards it takes in all; more than steps where its scheduler evaluates twice a step."""
        return len(self.timesteps)

    def begin(self, model: ImagePipeline, prompts: Prompts, image: Image.Image | None = None) -> None:
        """Read its prompt and draw its noise, in the order in which stock diffusers draws it.

        ``image`` is the picture that it begins with, in its size. Raises `RequestError` where its scheduler is none.
        """
        pipe, scheduler = model.pipe, model.scheduler(self.params.scheduler)
        prompt = self.planned.request.prompt
        self.scheduler, self.conditions = scheduler, prompts.of(self.params, prompt)
        self.truncated = model.truncated(prompt)
        scheduler.set_timesteps(self.params.num_inference_steps, device=device())
        generator = torch.Generator("cpu").manual_seed(self.planned.request.seed)
        accepted = inspect.signature(scheduler.step).parameters
        self._options = {"generator": generator, "eta": 0.0}
        self._options = {name: value for name, value in self._options.items() if name in accepted}
        if image is not None:
            self.latents, self.timesteps = begin(pipe, image, self.params, scheduler, generator)
            return
        self.timesteps = scheduler.timesteps
        width, height = self.size
        factor = pipe.vae_scale_factor
        shape = (1, pipe.unet.config.in_channels, height // factor, width // factor)
        noise = randn_tensor(shape, generator=generator, device=device(), dtype=self.conditions[0].words.dtype)
        self.latents = noise * scheduler.init_noise_sigma

    @property
    def batch(self) -> int:
        """Items of a forward it took part in, on average."""
        return max(1, round(self.company / max(1, self.index)))

    @property
    def timestep(self) -> Tensor:
        """Where it stands, a number of the scheduler's own type."""
        timestep: Tensor = self.timesteps[self.index]
        return timestep

    def asks(self) -> Tensor:
        """What the UNet is shown: (1, channels, height / 8, width / 8)."""
        shown: Tensor = self.scheduler.scale_model_input(self.latents, self.timestep)
        return shown

    def step(self, predictions: Tensor) -> bool:
        """Take the UNet's predictions for its rows (rows, channels, …) one step further; True when it is done."""
        if len(predictions) == 2:
            negative, positive = predictions[:1], predictions[1:]
            prediction = negative + self.params.guidance_scale * (positive - negative)
        else:
            prediction = predictions
        self.latents = self.scheduler.step(prediction, self.timestep, self.latents, **self._options, return_dict=False)[
            0
        ]
        self.index += 1
        return self.index == self.evaluations

    def release(self) -> None:
        """Drop what its steps needed and its latents: a job has thousands of pictures, and all are held to its end."""
        self.scheduler = self.latents = None
        self.conditions, self._options = (), {}


class Prompts:
    """Embeddings of prompts and negative prompts, each encoded alone and kept while there is room."""

    def __init__(self, pipe: Any, keep: int = 256) -> None:
        """``keep``: how many are kept, the latest used."""
        self._pipe, self._keep = pipe, keep
        self._kept: dict[tuple[str, bool, tuple[int, int]], Condition] = {}

    def of(self, params: ImageParams, prompt: str) -> tuple[Condition, ...]:
        """Conditions of a picture's rows."""
        size = (params.width, params.height)
        positive = self._get(prompt, False, size)
        return (self._get(params.negative_prompt, True, size), positive) if params.guidance_scale > 1 else (positive,)

    def _get(self, text: str, negative: bool, size: tuple[int, int]) -> Condition:
        key = (text, negative, size)
        found = self._kept.pop(key, None) or self._encode(text, negative, size)
        self._kept[key] = found  # last: the latest used
        if len(self._kept) > self._keep:
            self._kept.pop(next(iter(self._kept)))
        return found

    def _encode(self, text: str, negative: bool, size: tuple[int, int]) -> Condition:
        # An empty negative prompt is None to the pipeline, for which SDXL has zeros and not the embedding of "".
        encoded = self._pipe.encode_prompt(
            prompt="" if negative else text,
            device=device(),
            num_images_per_prompt=1,
            do_classifier_free_guidance=negative,
            negative_prompt=(text or None) if negative else None,
        )
        words = encoded[1] if negative else encoded[0]
        if len(encoded) == 2:
            return Condition(words, {})
        pooled = encoded[3] if negative else encoded[2]
        width, height = size
        second = self._pipe.text_encoder_2
        times = self._pipe._get_add_time_ids(
            (height, width),
            (0, 0),
            (height, width),
            dtype=words.dtype,
            text_encoder_projection_dim=int(pooled.shape[-1]) if second is None else second.config.projection_dim,
        )
        return Condition(words, {"text_embeds": pooled, "time_ids": times.to(device())})


def unsupported(pipe: Any) -> str:
    """Why steps of this pipeline cannot share a forward, or empty."""
    name = type(pipe).__name__
    if name not in FAMILIES:
        return f"it is a {name}; only {' and '.join(FAMILIES)} are known"
    unet, vae = pipe.unet.config, pipe.vae.config
    if unet.time_cond_proj_dim is not None:
        return "its UNet is told the guidance scale"
    if unet.in_channels != vae.latent_channels:
        return f"its UNet takes {unet.in_channels} channels, its autoencoder has {vae.latent_channels}"
    if not isinstance(unet.sample_size, int):
        return f"its UNet's own size is {unet.sample_size}, no square's"
    return ""
