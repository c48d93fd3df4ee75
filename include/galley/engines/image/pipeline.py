"""A diffusers text-to-image pipeline, loaded from an inspected directory: what both image engines need of it."""

from __future__ import annotations

import functools
import inspect
import io
import warnings
from typing import Any

import diffusers
import numpy
import torch
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from PIL import Image

from galley.engines.base import Made, RequestError
from galley.engines.memory import is_out_of_memory
from galley.engines.numerics import device
from galley.errors import JobInterrupted, ModelRefused
from galley.items import Failure, ImageParams, PlannedRequest
from galley.model_files import ModelFiles

with warnings.catch_warnings():
    # Importing every auto pipeline touches one that still uses torch.jit.script; none of our pipelines does.
    warnings.filterwarnings("ignore", message="`torch.jit", category=DeprecationWarning)
    from diffusers import AutoPipelineForImage2Image, AutoPipelineForText2Image

UNSEEDED = frozenset({"DPMSolverSDEScheduler", "CosineDPMSolverMultistepScheduler"})
"""Schedulers whose noise comes from a Brownian tree of their own: no generator reaches them, so no seed decides."""


class ImagePipeline:
    """A pipeline without its own safety checker, which would blacken pictures silently: screening has checkers of its
    own that only look.

    Attributes:
        pipe: on the device.
    """

    def __init__(self, files: ModelFiles, dtype: str) -> None:
        """Load. Raises `ModelRefused` where the files are no such pipeline, `JobInterrupted` where memory is short."""
        self._dtype = dtype
        directory = str(files.directory)
        try:
            self.pipe: Any = AutoPipelineForText2Image.from_pretrained(
                directory,
                dtype=getattr(torch, dtype),
                local_files_only=True,
                use_safetensors=True,
                **_unloaded(directory),
            ).to(device())
        except Exception as error:
            if is_out_of_memory(error):
                raise JobInterrupted(f'no memory to load the model in "{directory}": {error}') from error
            raise ModelRefused(f'model "{directory}" cannot be loaded as a text-to-image pipeline: {error}') from error
        self.pipe.set_progress_bar_config(disable=True)
        if getattr(self.pipe, "watermark", None) is not None:
            self.pipe.watermark = None  # SDXL's, where its library is there: marks are the publisher's
        self._own_scheduler: Any = self.pipe.scheduler
        if files.adapters:
            self._adapt(files)

    def _adapt(self, files: ModelFiles) -> None:
        """Add the adapters to the weights themselves: a forward costs no more than without them."""
        names = [f"adapter{number}" for number in range(len(files.adapters))]
        for name, adapter in zip(names, files.adapters, strict=True):
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", message="Already found a `peft_config`")  # the one before
                    self.pipe.load_lora_weights(
                        str(adapter.path.parent),
                        weight_name=adapter.path.name,
                        adapter_name=name,
                        local_files_only=True,
                        use_safetensors=True,
                    )
            except Exception as error:
                raise ModelRefused(
                    f'adapter "{adapter.path}" cannot be added to the model in "{files.directory}": {error}'
                ) from error
        self.pipe.set_adapters(names, [adapter.weight for adapter in files.adapters])
        self.pipe.fuse_lora(adapter_names=names)
        self.pipe.unload_lora_weights()

    @functools.cached_property
    def image_to_image(self) -> Any:
        """The same parts as the pipeline that begins with a picture. Raises `RequestError` where there is none.

        Some families take pictures for references to look at, all of a batch for every row, and know no strength.
        """
        try:
            pipe: Any = AutoPipelineForImage2Image.from_pipe(self.pipe)
        except ValueError:
            pipe = None
        if pipe is None or not {"image", "strength"} <= set(inspect.signature(pipe.__call__).parameters):
            raise RequestError(
                "no_init_image", f"a {type(self.pipe).__name__} cannot begin with a picture; leave it out"
            )
        pipe.set_progress_bar_config(disable=True)
        if getattr(pipe, "watermark", None) is not None:
            pipe.watermark = None
        return pipe

    def scheduler(self, name: str) -> Any:
        """A new scheduler: of the model's own class, or of the named diffusers class with the model's configuration.

        Raises `RequestError` for a name that is none, or whose noise no seed decides.
        """
        found: Any = getattr(diffusers, name, None) if name else type(self._own_scheduler)
        if not isinstance(found, type) or name in UNSEEDED:
            why = "takes no seed" if name in UNSEEDED else "is not in diffusers"
            raise RequestError("unknown_scheduler", f'scheduler "{name}" {why}; DDIMScheduler, for one, would do')
        if not issubclass(found, SchedulerMixin):
            raise RequestError(
                "unknown_scheduler", f'scheduler "{name}" needs a library that is not installed, or is no scheduler'
            )
        scheduler: Any = found
        return scheduler.from_config(self._own_scheduler.config)

    def made(self, picture: Any, params: ImageParams, evaluations: int, truncated: bool) -> Made | Failure:
        """The bytes of a picture (height, width, 3), float in [0, 1]; may be called in any thread."""
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
        data = png((picture * 255).round().astype("uint8"))
        return Made(data, evaluations=evaluations, prompt_truncated=truncated)

    def truncated(self, prompt: str) -> bool:
        """Whether one of its text encoders does not see the end of a prompt."""
        tokenizers = (getattr(self.pipe, name, None) for name in ("tokenizer", "tokenizer_2", "tokenizer_3"))
        return any(
            len(each(prompt, truncation=False, verbose=False).input_ids) > each.model_max_length
            for each in tokenizers
            if each is not None
        )


def _unloaded(directory: str) -> dict[str, Any]:
    """Arguments that keep parts out of the pipeline; only those its class has, for others are complained of."""
    index = diffusers.DiffusionPipeline.load_config(directory, local_files_only=True)
    left_out: dict[str, Any] = {
        name: None for name in ("safety_checker", "feature_extractor", "image_encoder") if name in index
    }
    if "requires_safety_checker" in index or "safety_checker" in index:
        left_out["requires_safety_checker"] = False
    return left_out


def png(pixels: Any) -> bytes:
    """PNG of height x width x 3 bytes; the same pixels give the same bytes for one version of Pillow."""
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGB").save(buffer, format="PNG", compress_level=6, optimize=False)
    return buffer.getvalue()


def image_params(planned: PlannedRequest) -> ImageParams:
    """The request's parameters; raises `RequestError` for a request for a text."""
    if not isinstance(planned.request.params, ImageParams):
        raise RequestError("wrong_kind", "a request for text came to the image engine")
    return planned.request.params


def memory_format(module: Any) -> torch.memory_format:
    """How a module's convolutions were laid out, and its input should be."""
    weight = next((each for each in module.parameters() if each.ndim == 4), None)
    if weight is None:  # all are packed
        return torch.contiguous_format
    last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format
