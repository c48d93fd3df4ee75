"""Images by stock diffusers pipelines: `AutoPipelineForText2Image`, and `AutoPipelineForImage2Image` for requests that
begin with a picture; one planned batch a call, a generator per row."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from galley.engines.base import Figures, Made, Outcome, ReadImage, RequestError, no_images
from galley.engines.image.beginning import Beginnings
from galley.engines.image.pipeline import ImagePipeline, image_params
from galley.engines.numerics import measure, settle
from galley.engines.splitting import outcomes
from galley.items import Failure, Kind, Numerics, PlannedRequest
from galley.model_files import ModelFiles
from galley.planning import row


class StockImageEngine:
    """A diffusers pipeline; see `ImagePipeline` for what is left out of it.

    Each row's noise comes from a CPU generator seeded for that row alone, so it is the same in every batch and on every
    device.
    """

    kind: Kind = "image"
    planned_batches = True
    fallback = ""

    def __init__(self, files: ModelFiles, dtype: str, threads: int, *, images: ReadImage = no_images) -> None:
        """Take an inspected model directory and CPU threads to pin; nothing is loaded yet.

        ``images`` reads the pictures that requests begin with.
        """
        self._files, self._dtype, self._threads = files, dtype, threads
        self._beginnings = Beginnings(images)
        self._model: Any = None
        self.figures = Figures()

    def setup(self) -> Numerics:
        """Load the pipeline onto the device."""
        settle(self._threads)
        self._model = ImagePipeline(self._files, self._dtype)
        return measure("image", self._dtype)

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """Outcomes of one planned batch, in order."""
        return outcomes(requests, self._forward)

    def close(self) -> None:
        """Drop the pipeline."""
        self._model = None

    def _forward(self, requests: Sequence[PlannedRequest]) -> Sequence[Made | Failure]:
        all_params = [image_params(planned) for planned in requests]
        params = all_params[0]
        if len({row(planned.request).shape for planned in requests}) > 1:
            raise RequestError("mixed_batch", "rows of one batch must have equal size, steps, guidance and scheduler")
        images = [
            self._beginnings.get(planned.request.init_image, own)
            for planned, own in zip(requests, all_params, strict=True)
            if planned.request.init_image
        ]
        pipe = self._model.image_to_image if images else self._model.pipe
        pipe.scheduler = self._model.scheduler(params.scheduler)
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
        if images:
            arguments |= {"image": images, "strength": params.strength}
        accepted = inspect.signature(pipe.__call__).parameters
        with torch.inference_mode():
            pictures = pipe(**{name: value for name, value in arguments.items() if name in accepted}).images
        rows = len(prompts) * (2 if params.guidance_scale > 1 else 1)
        steps = getattr(pipe, "num_timesteps", 0) if images else 0  # of those that a strength leaves
        forwards = steps or len(pipe.scheduler.timesteps)  # more than steps where a scheduler evaluates twice a step
        self.figures.add(rows * forwards, rows, forwards)
        return [
            self._model.made(picture, one, forwards, self._model.truncated(prompt))
            for picture, prompt, one in zip(pictures, prompts, all_params, strict=True)
        ]
