"""From latents to bytes, beside the loop of steps: decoded several at a time, compressed in a thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from torch import Tensor

from galley.engines.base import Figures, Made, Outcome, RequestError
from galley.engines.image.decoder import decode
from galley.engines.image.picture import Picture
from galley.engines.image.pipeline import ImagePipeline
from galley.engines.image.room import Room, Size
from galley.engines.memory import is_device_lost, is_out_of_memory
from galley.errors import JobError, StoreError

PATIENCE = 8
"""Ticks a picture waits at most for others to be decoded with: what has no result yet is lost to a kill."""
QUEUE = 8
"""Decoded pictures that may wait for the thread; then the loop waits for it."""


class Finishing:
    """Pictures whose steps are done. To be used as a context, which ends the thread.

    A picture is compressed while the next steps are computed; its outcome is handed out, in the order of decoding, only
    once its bytes are whole, so that a result never names what is not there.

    Attributes:
        starved: pictures for which memory ran out at the smallest row count: they have no outcome.
    """

    def __init__(self, model: ImagePipeline, room: Room, figures: Figures) -> None:
        self._model, self._room, self._figures = model, room, figures
        self._waiting: dict[Size, list[Picture]] = {}
        self._since: dict[Size, int] = {}
        self._compressing: deque[Future[Outcome]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="png")
        self._tick = 0
        self.starved: list[Picture] = []

    def __enter__(self) -> Finishing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def add(self, picture: Picture) -> None:
        """Take a picture whose steps are done."""
        self._since.setdefault(picture.size, self._tick)
        self._waiting.setdefault(picture.size, []).append(picture)

    def tick(self) -> Iterator[Outcome]:
        """To be called between forwards: decode what is due, hand out what is finished."""
        self._tick += 1
        for size in list(self._waiting):
            full = len(self._waiting[size]) >= self._room.at(size).most
            if full or self._tick - self._since[size] > PATIENCE:
                yield from self._decode(size)
        yield from self._finished(QUEUE)

    def rest(self) -> Iterator[Outcome]:
        """Everything that is left."""
        for size in list(self._waiting):
            yield from self._decode(size)
        yield from self._finished(0)

    def _decode(self, size: Size) -> Iterator[Outcome]:
        pictures = self._waiting.pop(size)
        del self._since[size]
        yield from self._decoded(size, pictures)

    def _decoded(self, size: Size, pictures: Sequence[Picture]) -> Iterator[Outcome]:
        """Outcomes of those that cannot be decoded; the others go on to the thread."""
        began = time.perf_counter()
        try:
            pixels = self._room.run(size, [picture.latents for picture in pictures], self._forward)
        except Exception as error:
            if is_device_lost(error):
                raise
            if len(pictures) > 1:  # one's trouble is not the others'
                for picture in pictures:
                    yield from self._decoded(size, [picture])
            elif is_out_of_memory(error):
                self.starved += pictures
            else:
                yield failed(pictures[0], error)
                pictures[0].release()
            return
        share = self._figures.spent("decode", began) / len(pictures)
        for picture, own in zip(pictures, pixels, strict=True):
            picture.seconds += share
            picture.release()
            self._compressing.append(self._thread.submit(self._compressed, picture, own))

    def _forward(self, latents: Sequence[Tensor], count: int) -> Tensor:
        return decode(self._model.pipe, latents, count)

    def _compressed(self, picture: Picture, pixels: Tensor) -> Outcome:
        began = time.perf_counter()
        try:
            made = self._model.made(pixels.numpy(), picture.params, picture.evaluations, picture.truncated)
        except Exception as error:
            return failed(picture, error)
        good, bad = (made, None) if isinstance(made, Made) else (None, made)
        seconds = picture.seconds + time.perf_counter() - began
        return Outcome(picture.planned.key, good, bad, seconds, picture.batch)

    def _finished(self, most: int) -> Iterator[Outcome]:
        """Outcomes in order, as far as they are there; more than ``most`` are waited for."""
        while self._compressing and (len(self._compressing) > most or self._compressing[0].done()):
            yield self._compressing.popleft().result()


def failed(picture: Picture, error: Exception) -> Outcome:
    """The outcome of a picture that went wrong by itself; what concerns all is raised again."""
    if is_out_of_memory(error) or is_device_lost(error) or isinstance(error, StoreError | JobError):
        raise error
    kind = error.kind if isinstance(error, RequestError) else "engine_error"
    text = str(error) if isinstance(error, RequestError) else f"{type(error).__name__}: {error}"
    return Outcome.failed(picture.planned.key, kind, text, seconds=picture.seconds, batch_size=picture.batch)
