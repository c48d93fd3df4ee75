"""The step engine: every forward is one denoising step of many pictures, each with a scheduler and noise of its own.

Rows of a forward have their own timestep, prompt, guidance, number of steps and scheduler; pictures join and leave at
any forward. The forward has as many rows as `RowCounts` allows; unused rows are padding. Prompts are encoded one at a
time and kept, so that they do not depend on neighbours either. How latents become bytes is told in
`galley.engines.image.finishing`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from galley.engines.base import Figures, Outcome, ReadImage, RequestError, no_images
from galley.engines.certificate import RowCounts
from galley.engines.image.beginning import Beginnings
from galley.engines.image.denoiser import DenoiserRow, denoise, rows_of
from galley.engines.image.finishing import Finishing, failed
from galley.engines.image.picture import Picture, Prompts, unsupported
from galley.engines.image.pipeline import ImagePipeline, image_params
from galley.engines.image.room import Room, overhead
from galley.engines.image.ticks import Ticks
from galley.engines.image.trial import CANDIDATES, DECODED, Certificate, Footprint, certified, disagreement, footprint
from galley.engines.memory import free_bytes, free_memory, is_device_lost, is_out_of_memory
from galley.engines.numerics import channels_last_helps, device, measure, settle
from galley.engines.packed import LAYOUT, pack_model
from galley.engines.stock_image import StockImageEngine
from galley.errors import JobInterrupted, JobSpecError
from galley.items import Kind, Numerics, PlannedRequest
from galley.model_files import ModelFiles

MEMORY_SHARE = 0.6
"""Of the memory that is free when items come, what a forward may take; another job may want some as well."""


class StepImageEngine:
    """A Stable Diffusion whose pictures come and go step by step.

    A pipeline that cannot be served so (see `galley.engines.image.picture.unsupported`), or whose steps disagree with
    the stock pipeline's when it is loaded, runs as the stock pipeline, in the plan's batches; its numerics then say
    ``stock``.

    Attributes:
        planned_batches: whether that is so; known once it is set up.
        figures: what was done so far.
        fallback: why the stock pipeline is used, or empty.
    """

    kind: Kind = "image"

    def __init__(
        self,
        files: ModelFiles,
        dtype: str,
        threads: int,
        *,
        certificate: str = "",
        max_batch_size: int = 0,
        exact: bool = True,
        memory_bytes: int = 0,
        compiled: bool = False,
        images: ReadImage = no_images,
    ) -> None:
        """Take an inspected model directory, CPU threads to pin, and what an earlier engine was certified for.

        Without a certificate `setup` finds one. ``max_batch_size`` keeps forwards to so many rows, guidance and padding
        rows included; 0 sets no limit. Not ``exact``: forwards have as many rows as there are, none of padding, and
        last bits may depend on company. ``memory_bytes``: what a forward may take beside the weights; 0: a share of
        what is free when items come. ``compiled``: the UNet by `torch.compile`, as CUDA graphs; no registry asks for it
        before a benchmark shows that it helps. ``images`` reads the pictures that requests begin with.
        """
        self._files, self._dtype, self._threads = files, dtype, threads
        self._certificate, self._max_batch_size = certificate, max_batch_size
        self._exact, self._memory_bytes, self._compiled = exact, memory_bytes, compiled
        self._images, self._beginnings = images, Beginnings(images)
        self._layout: list[str] = []
        self._model: Any = None
        self._prompts: Any = None
        self._room: Any = None
        self._decoding: Any = None
        self._stock: StockImageEngine | None = None
        self.planned_batches = False
        self.figures = Figures()
        self.fallback = ""

    def setup(self) -> Numerics:
        """Load the model, see whether steps serve it, and find a certificate where one is needed and none was given."""
        try:
            return self._setup()
        except Exception as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise JobInterrupted(f"the model cannot be tried out here and now: {error}") from error
            raise

    def _setup(self) -> Numerics:
        settle(self._threads)
        self._load()
        if self.fallback:
            self._drop()
            self._stock = StockImageEngine(self._files, self._dtype, self._threads, images=self._images)
            self.planned_batches = True
            self.figures = self._stock.figures
            return self._stock.setup()
        sizes = footprint(self._model, self._prompts)
        if self._compiled:
            self._model.pipe.unet.compile(mode="reduce-overhead", dynamic=False)  # CUDA graphs, one for each row count
            self._layout.append("compiled")
        counts, told = self._row_counts(sizes)
        kind = device().type
        self._room = Room(counts.steps, sizes.steps, overhead(kind, "steps"))
        self._decoding = Room(counts.decode, sizes.decode, overhead(kind, "decode"))
        engine, layout = "steps" if self._exact else "steps-fast", " ".join(self._layout)
        return measure("image", self._dtype, engine=engine, certificate=told, layout=layout)

    def _load(self) -> None:
        """Load the model in a form that steps serve; sets `fallback` where there is none."""
        for packed in (True, False):  # a pipeline may look at its weights itself
            self._drop()  # two at once may not fit
            self._model, self._layout = ImagePipeline(self._files, self._dtype), []
            pipe = self._model.pipe
            self.fallback = unsupported(pipe)
            if self.fallback:
                return
            if channels_last_helps():
                for module in (pipe.unet, pipe.vae):
                    module.to(memory_format=torch.channels_last)
                self._layout.append("channels_last")
            elif packed and (layout := pack_model(pipe.unet)):  # beside channels last it was not measured
                self._layout.append(layout)
                free_memory()  # what the plain weights took
            if pipe.vae.dtype == torch.float16 and pipe.vae.config.force_upcast:
                pipe.vae.to(torch.float32)  # as the pipeline does, picture by picture
            self._prompts = Prompts(pipe)
            self.fallback = disagreement(self._model, self._prompts, self._dtype)
            if not self.fallback or LAYOUT not in self._layout:
                return

    def _drop(self) -> None:
        self._model = self._prompts = None
        free_memory()

    def _row_counts(self, sizes: Footprint) -> tuple[Certificate, str]:
        """Row counts that forwards may have, and the certificate as it is told.

        Raises `JobSpecError` where ``max_batch_size`` allows none of them.
        """
        limit = self._max_batch_size
        if not self._exact:
            steps, decode = (RowCounts(tuple(range(1, (limit or most[-1]) + 1))) for most in (CANDIDATES, DECODED))
            return Certificate(steps, decode), ""
        given = self._certificate
        certificate = Certificate.read(given) if given else certified(self._model, self._prompts, sizes)
        if not limit:
            return certificate, certificate.told
        try:
            return Certificate(certificate.steps.below(limit), certificate.decode.within(limit)), certificate.told
        except ValueError as error:
            raise JobSpecError(f'model "{self._files.directory.name}": {error}') from None

    def close(self) -> None:
        """Drop the model."""
        self._model = self._prompts = self._stock = None

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """Outcomes as they come; of a planned batch, where the stock pipeline is used, in its order."""
        if self._stock is not None:
            yield from self._stock.generate(requests)
            return
        pictures = []
        for planned in requests:
            try:
                pictures.append(Picture(planned, image_params(planned)))
            except RequestError as error:
                yield Outcome.failed(planned.key, error.kind, str(error))
        budget = self._memory_bytes or free_bytes() * MEMORY_SHARE
        self._room.open(budget)
        self._decoding.open(budget)
        try:
            yield from self._run(pictures)
        except Exception as error:
            if is_device_lost(error):
                raise JobInterrupted(f"the accelerator cannot be used any more: {error}") from error
            if is_out_of_memory(error):
                raise JobInterrupted(f"memory ran out: {error}; give the job more of it") from error
            raise

    def _run(self, pictures: Sequence[Picture]) -> Iterator[Outcome]:
        """Outcomes of all that fit into memory.

        A size that does not, even at the smallest row count, costs other sizes nothing. It is no result either, for
        another try may find more room: once all others are done, the job is interrupted.

        Raises `JobInterrupted` where pictures did not fit.
        """
        ticks = Ticks(
            pictures,
            group=lambda each: each.size,
            rows=lambda each: each.rows,
            most=lambda size: self._room.at(size).most,
        )
        starved: list[Picture] = []
        with Finishing(self._model, self._decoding, self.figures) as finishing:
            while served := ticks.next():
                began = time.perf_counter()
                outcomes: list[Outcome] = []
                try:
                    ready, outcomes = self._begun(served)
                    ended = self._tick(ready)
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
                    starved += ticks.drop(served[0].size)
                    yield from outcomes
                    continue
                share = (time.perf_counter() - began) / len(served)
                for picture in ready:
                    picture.seconds += share
                    picture.company += len(ready)
                for picture, trouble in ended:
                    if trouble is None:
                        finishing.add(picture)
                    else:
                        outcomes.append(failed(picture, trouble))
                        picture.release()
                left = {id(picture) for picture in ready} - {id(picture) for picture, _ in ended}
                ticks.done([picture for picture in served if id(picture) not in left])
                yield from outcomes
                yield from finishing.tick()
            yield from finishing.rest()
        if starved := [*starved, *finishing.starved]:
            width, height = starved[0].size
            raise JobInterrupted(
                f"memory ran out: {len(starved)} pictures, the first of {width} x {height}, do not fit even alone; "
                "give the job more memory or make them smaller"
            )

    def _begun(self, pictures: Sequence[Picture]) -> tuple[list[Picture], list[Outcome]]:
        """Those that have begun, or do so now, and outcomes of those that cannot."""
        ready, outcomes = [], []
        for picture in pictures:
            try:
                if picture.latents is None:
                    self._begin(picture)
                ready.append(picture)
            except Exception as error:
                outcomes.append(failed(picture, error))
        return ready, outcomes

    def _begin(self, picture: Picture) -> None:
        began, sha256 = time.perf_counter(), picture.planned.request.init_image
        image = self._beginnings.get(sha256, picture.params) if sha256 else None
        with torch.inference_mode():
            picture.begin(self._model, self._prompts, image)
        self.figures.spent("begin", began)

    @torch.inference_mode()
    def _tick(self, pictures: Sequence[Picture]) -> list[tuple[Picture, Exception | None]]:
        """One evaluation for each of the pictures; those that ended, with what went wrong or None."""
        if not pictures:
            return []
        try:
            rows = [row for picture in pictures for row in rows_of(picture)]
            predictions = self._room.run(pictures[0].size, rows, self._forward)
        except Exception as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise
            if len(pictures) == 1:
                return [(pictures[0], error)]
            return [each for picture in pictures for each in self._tick([picture])]  # one's trouble is not the others'
        ended: list[tuple[Picture, Exception | None]] = []
        row, began = 0, time.perf_counter()
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
        self.figures.spent("schedule", began)
        return ended

    def _forward(self, rows: Sequence[DenoiserRow], count: int) -> Tensor:
        began = time.perf_counter()
        predictions = denoise(self._model.pipe.unet, rows, count)
        if predictions.is_cuda:
            torch.cuda.synchronize()  # the scheduler waits for them anyway, and the clock is not to call that its own
        self.figures.spent("denoise", began)
        self.figures.add(len(rows), count)
        return predictions
