"""The step engine: every forward is one denoising step of many pictures, each with a scheduler and noise of its own.

Rows of a forward have their own timestep, prompt, guidance, number of steps and scheduler; pictures join and leave at
any forward. The forward has as many rows as `RowCounts` allows; unused rows are padding. Prompts are encoded and
latents decoded one at a time, so that those do not depend on neighbours either. Row counts are tried at the model's own
size alone; that they hold at other sizes is taken on trust.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from galley.engines.base import Figures, Made, Outcome, RequestError
from galley.engines.certificate import Probe, RowCounts, certify, read, told
from galley.engines.image.picture import Condition, Picture, Prompts, unsupported
from galley.engines.image.pipeline import ImagePipeline, image_params
from galley.engines.image.ticks import Ticks
from galley.engines.memory import free_memory, is_device_lost, is_out_of_memory
from galley.engines.numerics import device, measure, settle
from galley.engines.stock_image import StockImageEngine
from galley.errors import JobInterrupted, JobSpecError
from galley.items import ImageParams, Kind, Numerics, PlannedRequest, Request
from galley.model_files import ModelFiles

ROWS = 8
"""Rows of every forward where no set of counts gives equal bits."""
CANDIDATES, SUBJECTS = (1, 2, 4, 6, 8, 10, 12, 14, 16), 16
LARGE = 200_000_000
"""Parameters from which a UNet is tried at few counts: each trial takes minutes on a CPU."""
LARGE_CANDIDATES, LARGE_SUBJECTS = (2, 4, 8), 8
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02}
"""How far latents may be from the stock pipeline's after two steps, relative to their size: rounding, no more."""


class StepImageEngine:
    """A Stable Diffusion whose pictures come and go step by step.

    A pipeline that cannot be served so (see `galley.engines.image.picture.unsupported`), or whose steps disagree with
    the stock pipeline's when it is loaded, runs as the stock pipeline, one request at a time; its numerics then say
    ``stock``.

    Attributes:
        figures: what was done so far.
        fallback: why the stock pipeline is used, or empty.
    """

    kind: Kind = "image"
    planned_batches = False

    def __init__(
        self, files: ModelFiles, dtype: str, threads: int, *, certificate: str = "", max_batch_size: int = 0
    ) -> None:
        """Take an inspected model directory, CPU threads to pin, and what an earlier engine was certified for.

        Without a certificate `setup` finds one. ``max_batch_size`` keeps forwards to so many rows, guidance and padding
        rows included; 0 sets no limit.
        """
        self._files, self._dtype, self._threads = files, dtype, threads
        self._certificate, self._max_batch_size = certificate, max_batch_size
        self._counts = RowCounts((ROWS,))
        self._model: Any = None
        self._prompts: Any = None
        self._stock: StockImageEngine | None = None
        self.figures = Figures()
        self.fallback = ""

    def setup(self) -> Numerics:
        """Load the model, see whether steps serve it, and find a certificate where none was given."""
        try:
            return self._setup()
        except Exception as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise JobInterrupted(f"the model cannot be tried out here and now: {error}") from error
            raise

    def _setup(self) -> Numerics:
        settle(self._threads)
        self._model = ImagePipeline(self._files, self._dtype)
        pipe = self._model.pipe
        self.fallback = unsupported(pipe)
        if not self.fallback:
            if pipe.vae.dtype == torch.float16 and pipe.vae.config.force_upcast:
                pipe.vae.to(torch.float32)  # as the pipeline does, picture by picture
            self._prompts = Prompts(pipe)
            self.fallback = self._disagreement()
        if self.fallback:
            self._model = self._prompts = None
            self._stock = StockImageEngine(self._files, self._dtype, self._threads)
            self.figures = self._stock.figures
            return self._stock.setup()
        if not self._certificate and (found := self._certify()):
            self._certificate = told(found)
        self._counts = read(self._certificate) if self._certificate else RowCounts((ROWS,))
        if self._max_batch_size:
            try:
                self._counts = self._counts.below(self._max_batch_size)
            except ValueError as error:
                raise JobSpecError(f'model "{self._files.directory.name}": {error}') from None
        self.figures = Figures()
        return measure("image", self._dtype, engine="steps", certificate=self._certificate)

    def close(self) -> None:
        """Drop the model."""
        self._model = self._prompts = self._stock = None

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """Outcomes as they come."""
        if self._stock is not None:
            for planned in requests:
                yield from self._stock.generate([planned])
            return
        pictures = []
        for planned in requests:
            try:
                pictures.append(Picture(planned, image_params(planned)))
            except RequestError as error:
                yield Outcome.failed(planned.key, error.kind, str(error))
        try:
            yield from self._run(pictures)
        except Exception as error:
            if is_device_lost(error):
                raise JobInterrupted(f"the accelerator cannot be used any more: {error}") from error
            if is_out_of_memory(error):
                raise JobInterrupted(f"memory ran out: {error}; give the job more of it") from error
            raise

    def _run(self, pictures: Sequence[Picture]) -> Iterator[Outcome]:
        ticks: Ticks[Picture] = Ticks(
            pictures, group=lambda each: each.size, rows=lambda each: each.rows, most=self._counts.most
        )
        while served := ticks.next():
            began = time.perf_counter()
            outcomes = []
            ready = []
            for picture in served:
                try:
                    if picture.latents is None:
                        self._begin(picture)
                    ready.append(picture)
                except Exception as error:
                    outcomes.append(_failed(picture, error))
            ended = self._tick(ready)
            share = (time.perf_counter() - began) / len(served)
            for picture in ready:
                picture.seconds += share
                picture.company += len(ready)
            outcomes += [
                self._finish(picture) if error is None else _failed(picture, error) for picture, error in ended
            ]
            keys = {outcome.key for outcome in outcomes}
            ticks.done([picture for picture in served if picture.planned.key in keys])
            yield from outcomes

    def _begin(self, picture: Picture) -> None:
        scheduler = self._model.scheduler(picture.params.scheduler)
        with torch.inference_mode():
            conditions = self._prompts.of(picture.params, picture.planned.request.prompt)
            picture.begin(self._model.pipe, scheduler, conditions)

    @torch.inference_mode()
    def _tick(self, pictures: Sequence[Picture]) -> list[tuple[Picture, Exception | None]]:
        """One evaluation for each of the pictures; those that ended, with what went wrong or None."""
        if not pictures:
            return []
        ended: list[tuple[Picture, Exception | None]] = []
        shown = [picture.asks() for picture in pictures for _ in range(picture.rows)]
        timesteps = [picture.timestep for picture in pictures for _ in range(picture.rows)]
        conditions = [condition for picture in pictures for condition in picture.conditions]
        try:
            predictions = self._predict(shown, timesteps, conditions)
        except Exception as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise
            if len(pictures) == 1:
                return [(pictures[0], error)]
            return [each for picture in pictures for each in self._tick([picture])]  # one's trouble is not the others'
        row = 0
        for picture in pictures:
            own = predictions[row : row + picture.rows]
            row += picture.rows
            try:
                if picture.step(own):
                    ended.append((picture, None))
            except Exception as error:  # a scheduler's own trouble is its picture's alone
                if is_out_of_memory(error) or is_device_lost(error):
                    raise
                ended.append((picture, error))
        return ended

    def _predict(self, shown: Sequence[Tensor], timesteps: Sequence[Tensor], told_of: Sequence[Condition]) -> Tensor:
        """The UNet's predictions (rows, channels, …), in as many forwards as memory asks for."""
        while True:
            most = self._counts.most
            try:
                parts = [
                    self._forward(shown[at : at + most], timesteps[at : at + most], told_of[at : at + most])
                    for at in range(0, len(shown), most)
                ]
                return torch.cat(parts)
            except Exception as error:
                smaller = self._counts.halved(len(shown)) if is_out_of_memory(error) else None
                if smaller is None:
                    raise
            # Nothing was stepped yet, so nothing is lost and nothing doubled.
            self._counts = smaller
            free_memory()

    def _forward(self, shown: Sequence[Tensor], timesteps: Sequence[Tensor], told_of: Sequence[Condition]) -> Tensor:
        """Predictions of some rows; the forward has further rows of padding where the count asks for them."""
        rows = len(shown)
        count = self._counts.fit(rows)
        at = [*range(rows), *[0] * (count - rows)]  # the first row again, for it is there and no poison to others
        added = {name: torch.cat([told_of[row].added[name] for row in at]) for name in told_of[0].added}
        predictions: Tensor = self._model.pipe.unet(
            torch.cat([shown[row] for row in at]),
            torch.stack([timesteps[row].to(torch.float32) for row in at]),
            encoder_hidden_states=torch.cat([told_of[row].words for row in at]),
            added_cond_kwargs=added or None,
            return_dict=False,
        )[0]
        self.figures.add(rows, count)
        return predictions[:rows]

    def _finish(self, picture: Picture) -> Outcome:
        """Decode the latents."""
        began = time.perf_counter()
        try:
            made = self._model.made(
                self._decode(picture.latents), picture.planned.request.prompt, picture.params, picture.evaluations
            )
        except Exception as error:
            return _failed(picture, error)
        picture.seconds += time.perf_counter() - began
        good, bad = (made, None) if isinstance(made, Made) else (None, made)
        return Outcome(picture.planned.key, good, bad, picture.seconds, _batch(picture))

    @torch.inference_mode()
    def _decode(self, latents: Tensor) -> Any:
        """The picture, height x width x 3, float in [0, 1]."""
        pipe = self._model.pipe
        config = pipe.vae.config
        latents = latents.to(pipe.vae.dtype)
        mean, spread = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is not None and spread is not None:
            mean, spread = (torch.tensor(each, device=latents.device).view(1, -1, 1, 1) for each in (mean, spread))
            latents = (latents * spread / config.scaling_factor + mean).to(pipe.vae.dtype)
        else:
            latents = latents / config.scaling_factor
        decoded = pipe.vae.decode(latents, return_dict=False)[0]
        return pipe.image_processor.postprocess(decoded, output_type="np")[0]

    def _disagreement(self) -> str:
        """Why steps cannot be trusted with this pipeline, or empty: two steps of two prompts against stock's own."""
        pipe = self._model.pipe
        side = pipe.unet.config.sample_size * pipe.vae_scale_factor
        expected, found = [], []
        self._counts = RowCounts((4,))
        try:
            pictures = []
            for seed, (prompt, guidance) in enumerate((("a red circle", 7.5), ("two words", 3.0))):
                params = ImageParams(width=side, height=side, num_inference_steps=2, guidance_scale=guidance)
                asked = Request(
                    kind="image", model="probe", model_digest="0" * 64, prompt=prompt, params=params, seed=seed
                )
                pictures.append(Picture(PlannedRequest(key=asked.key, request=asked), params))
                self._begin(pictures[-1])
                pipe.scheduler = self._model.scheduler("")
                with torch.inference_mode():
                    latents = pipe(
                        prompt=prompt,
                        num_inference_steps=2,
                        guidance_scale=guidance,
                        width=side,
                        height=side,
                        generator=torch.Generator("cpu").manual_seed(seed),
                        output_type="latent",
                    ).images
                expected.append(latents.float())
            for _ in range(pictures[0].evaluations):
                self._tick(pictures)
            found = [picture.latents.float() for picture in pictures]
        except Exception as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise  # says nothing of the model: another try may find room
            return f"its steps raise {type(error).__name__}: {error}"[:300]
        for own, stock in zip(found, expected, strict=True):
            apart = float((own - stock).abs().max() / stock.abs().max().clamp_min(1e-6))
            if not apart <= TOLERANCE[self._dtype]:
                return f"its latents differ from the stock pipeline's by {apart:.2g} of their size"
        return ""

    @torch.inference_mode()
    def _certify(self) -> RowCounts | None:
        """Row counts that give equal bits to noisy latents at many timesteps, in any company."""
        pipe = self._model.pipe
        large = sum(each.numel() for each in pipe.unet.parameters()) > LARGE
        candidates, subjects = (LARGE_CANDIDATES, LARGE_SUBJECTS) if large else (CANDIDATES, SUBJECTS)
        side, channels = pipe.unet.config.sample_size, pipe.unet.config.in_channels
        pixels = side * pipe.vae_scale_factor
        random = torch.Generator().manual_seed(0)
        noise = torch.randn((subjects, channels, side, side), generator=random).to(device(), pipe.unet.dtype)
        times = torch.randint(1000, (subjects,), generator=random).to(device(), torch.float32)
        params = ImageParams(width=pixels, height=pixels, guidance_scale=1.0)
        conditions = [self._prompts.of(params, f"probe {number}")[0] for number in range(subjects)]

        def probe(count: int, first: int) -> list[bytes]:
            at = [(first + row) % subjects for row in range(count)]
            self._counts = RowCounts((count,))
            found = self._forward([noise[i : i + 1] for i in at], [times[i] for i in at], [conditions[i] for i in at])
            return [row.float().cpu().numpy().tobytes() for row in found]

        probes: list[Probe] = [probe]
        return certify(probes, candidates, subjects=subjects, shifts=2 if large else 8)


def _batch(picture: Picture) -> int:
    return max(1, round(picture.company / max(1, picture.index)))


def _failed(picture: Picture, error: Exception) -> Outcome:
    """The outcome of a picture that went wrong by itself; what concerns all is raised again."""
    if is_out_of_memory(error) or is_device_lost(error):
        raise error
    kind = error.kind if isinstance(error, RequestError) else "engine_error"
    text = str(error) if isinstance(error, RequestError) else f"{type(error).__name__}: {error}"
    return Outcome.failed(picture.planned.key, kind, text, seconds=picture.seconds, batch_size=_batch(picture))
