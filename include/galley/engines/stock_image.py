"""Images by a stock diffusers pipeline: `AutoPipelineForText2Image`, one planned batch a call, a generator per row."""

from __future__ import annotations

import inspect
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import diffusers
import numpy
import torch
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from PIL import Image

from galley.engines.base import Figures, Made, Outcome, RequestError
from galley.engines.memory import is_out_of_memory
from galley.engines.numerics import device, measure, settle
from galley.engines.splitting import outcomes
from galley.errors import JobInterrupted, ModelRefused
from galley.items import Failure, ImageParams, Kind, Numerics, PlannedRequest
from galley.model_files import ModelFiles

with warnings.catch_warnings():
    # Importing every auto pipeline touches one that still uses torch.jit.script; none of our pipelines does.
    warnings.filterwarnings("ignore", message="`torch.jit", category=DeprecationWarning)
    from diffusers import AutoPipelineForText2Image

UNSEEDED = frozenset({"DPMSolverSDEScheduler", "CosineDPMSolverMultistepScheduler"})
"""Schedulers whose noise comes from a Brownian tree of their own: no generator reaches them, so no seed decides."""


class StockImageEngine:
    """A diffusers text-to-image pipeline.

    The pipeline's own safety checker is never loaded: it would blacken pictures silently, and screening has checkers of
    its own that only look. Each row's noise comes from a CPU generator seeded for that row alone, so it is the same in
    every batch and on every device.
    """

    kind: Kind = "image"
    planned_batches = True

    def __init__(self, files: ModelFiles, dtype: str, threads: int) -> None:
        """Take an inspected model directory and CPU threads to pin; nothing is loaded yet."""
        self._files, self._dtype, self._threads = files, dtype, threads
        self._pipe: Any = None
        self.figures = Figures()

    def setup(self) -> Numerics:
        """Load the pipeline onto the device."""
        settle(self._threads)
        try:
            self._pipe = AutoPipelineForText2Image.from_pretrained(
                str(self._files.directory),
                dtype=getattr(torch, self._dtype),
                local_files_only=True,
                use_safetensors=True,
                **self._unloaded(),
            ).to(device())
        except Exception as error:
            if is_out_of_memory(error):
                raise JobInterrupted(f'no memory to load the model in "{self._files.directory}": {error}') from error
            raise ModelRefused(
                f'model "{self._files.directory}" cannot be loaded as a text-to-image pipeline: {error}'
            ) from error
        self._pipe.set_progress_bar_config(disable=True)
        if getattr(self._pipe, "watermark", None) is not None:
            self._pipe.watermark = None  # SDXL's, where its library is there: marks are the publisher's
        self._own_scheduler = self._pipe.scheduler
        self._accepted = set(inspect.signature(self._pipe.__call__).parameters)
        return measure("image", self._dtype)

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """Outcomes of one planned batch, in order."""
        return outcomes(requests, self._forward)

    def close(self) -> None:
        """Drop the pipeline."""
        self._pipe = None

    def _unloaded(self) -> dict[str, Any]:
        """Arguments that keep parts out of the pipeline; only those its class has, for others are complained of."""
        index = diffusers.DiffusionPipeline.load_config(str(self._files.directory), local_files_only=True)
        left_out: dict[str, Any] = {
            name: None for name in ("safety_checker", "feature_extractor", "image_encoder") if name in index
        }
        if "requires_safety_checker" in index or "safety_checker" in index:
            left_out["requires_safety_checker"] = False
        return left_out

    def _forward(self, requests: Sequence[PlannedRequest]) -> Sequence[Made | Failure]:
        all_params = [_params(planned) for planned in requests]
        params = all_params[0]
        shapes = {
            (p.width, p.height, p.num_inference_steps, p.guidance_scale, p.scheduler, bool(p.negative_prompt))
            for p in all_params
        }
        if len(shapes) > 1:
            raise RequestError("mixed_batch", "rows of one batch must have equal size, steps, guidance and scheduler")
        self._pipe.scheduler = self._scheduler(params.scheduler)
        prompts = [planned.request.prompt for planned in requests]
        arguments: dict[str, Any] = {
            "prompt": prompts,
            "negative_prompt": [p.negative_prompt for p in all_params] if params.negative_prompt else None,
            "num_inference_steps": params.num_inference_steps,
            "guidance_scale": params.guidance_scale,
            "width": params.width,
            "height": params.height,
            "generator": [torch.Generator("cpu").manual_seed(planned.request.seed) for planned in requests],
            "output_type": "np",
        }
        with torch.inference_mode():
            pictures = self._pipe(**{name: value for name, value in arguments.items() if name in self._accepted}).images
        rows = len(prompts) * (2 if params.guidance_scale > 1 else 1)
        forwards = len(self._pipe.scheduler.timesteps)  # more than steps where a scheduler evaluates twice a step
        self.figures.add(rows * forwards, rows, forwards)
        return [self._made(picture, prompt, params) for picture, prompt in zip(pictures, prompts, strict=True)]

    def _made(self, picture: Any, prompt: str, params: ImageParams) -> Made | Failure:
        """``picture``: height x width x 3, float in [0, 1]."""
        if not numpy.isfinite(picture).all():
            return Failure(
                kind="not_finite",
                message=f"the picture has values that are no numbers ({self._dtype}); try float32 or less guidance",
            )
        if picture.shape[:2] != (params.height, params.width):
            return Failure(
                kind="wrong_size",
                message=f"the model made {picture.shape[1]} x {picture.shape[0]} pixels, not "
                f"{params.width} x {params.height}; ask for a multiple of its own block size",
            )
        return Made(
            png((picture * 255).round().astype("uint8")),
            evaluations=params.num_inference_steps,
            prompt_truncated=self._truncated(prompt),
        )

    def _scheduler(self, name: str) -> Any:
        """The model's own scheduler, or the named diffusers class with the model's configuration."""
        if not name:
            return self._own_scheduler
        found: Any = getattr(diffusers, name, None)
        if not isinstance(found, type) or name in UNSEEDED:
            why = "takes no seed" if name in UNSEEDED else "is not in diffusers"
            raise RequestError("unknown_scheduler", f'scheduler "{name}" {why}; DDIMScheduler, for one, would do')
        if not issubclass(found, SchedulerMixin):
            raise RequestError(
                "unknown_scheduler", f'scheduler "{name}" needs a library that is not installed, or is no scheduler'
            )
        scheduler: Any = found
        return scheduler.from_config(self._own_scheduler.config)

    def _truncated(self, prompt: str) -> bool:
        tokenizer = getattr(self._pipe, "tokenizer", None)
        if tokenizer is None:
            return False
        return bool(len(tokenizer(prompt, truncation=False, verbose=False).input_ids) > tokenizer.model_max_length)


def png(pixels: Any) -> bytes:
    """PNG of height x width x 3 bytes; the same pixels give the same bytes for one version of Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGB").save(buffer, format="PNG", compress_level=6, optimize=False)
    return buffer.getvalue()


def _params(planned: PlannedRequest) -> ImageParams:
    if not isinstance(planned.request.params, ImageParams):
        raise RequestError("wrong_kind", "a request for text came to the image engine")
    return planned.request.params
