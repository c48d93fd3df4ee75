"""One bad request never fails its neighbours: a batch that raises is made again in halves, down to single requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from galley.engines.base import Made, Outcome, RequestError
from galley.engines.memory import free_memory, is_device_lost, is_out_of_memory
from galley.errors import JobError, JobInterrupted, StoreError
from galley.items import Failure, PlannedRequest

Forward = Callable[[Sequence[PlannedRequest]], Sequence[Made | Failure]]
"""Makes a whole batch: what each request gave, in order. It may raise, and then says nothing about any of them."""


def outcomes(requests: Sequence[PlannedRequest], forward: Forward) -> Iterator[Outcome]:
    """Outcomes of one planned batch, in order.

    The halves are the same whenever the same request is bad, so a repeated batch splits as it did before. A batch that
    does not fit into memory is halved in the same way; at one request that ends the job for now.

    Raises `JobInterrupted` where one request alone runs out of memory, or the accelerator is lost, and `StoreError`
    where a picture that a request begins with cannot be had.
    """
    began = time.perf_counter()
    try:
        made = forward(requests)
    except Exception as error:
        trouble: Exception | None = error.with_traceback(None)  # the frames would keep the batch's tensors alive
        error.__context__ = None
    else:
        trouble = None
    if trouble is None:
        seconds = (time.perf_counter() - began) / max(1, len(requests))
        for planned, one in zip(requests, made, strict=True):
            good, bad = (one, None) if isinstance(one, Made) else (None, one)
            yield Outcome(planned.key, good, bad, seconds, len(requests))
        return
    if isinstance(trouble, StoreError | JobError):  # a picture to begin with cannot be read: that is no request's fault
        raise trouble
    if is_device_lost(trouble):
        raise JobInterrupted(f"the accelerator cannot be used any more: {trouble}; a fresh process may") from trouble
    exhausted = is_out_of_memory(trouble)
    if exhausted:
        free_memory()
    if len(requests) > 1:
        middle = (len(requests) + 1) // 2
        yield from outcomes(requests[:middle], forward)
        yield from outcomes(requests[middle:], forward)
    elif exhausted:
        raise JobInterrupted(
            f"request {requests[0].key[:12]} alone does not fit into memory ({_line(trouble)}); give the job more "
            "memory or make the item smaller"
        ) from trouble
    else:
        kind = trouble.kind if isinstance(trouble, RequestError) else "engine_error"
        text = str(trouble) if isinstance(trouble, RequestError) else f"{type(trouble).__name__}: {_line(trouble)}"
        yield Outcome.failed(requests[0].key, kind, text, seconds=time.perf_counter() - began)


def _line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]
