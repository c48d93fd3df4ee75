"""Engines: what turns requests into artifacts. A registry entry's ``engine`` names one; imports happen on demand.

``stock``  unmodified diffusers or transformers, one planned batch a call
``slots``  texts only: rows join and leave one decode forward (`galley.engines.text`)
``steps``  images only: denoising steps of many pictures share a forward (`galley.engines.image`)
``slots-fast``, ``steps-fast``  the same at any row count: no padding, and last bits may depend on company
``echo``   no model at all: bytes derived from the request, for tests of everything around engines
"""

from __future__ import annotations

from typing import Any

from galley.engines.base import ECHO_NUMERICS, EchoEngine, Engine, ReadImage, no_images
from galley.errors import JobSpecError
from galley.items import ENGINES, ModelSource, Numerics
from galley.model_files import ModelFiles

BATCHING = frozenset({"slots", "slots-fast", "steps", "steps-fast"})
"""Engines that batch by themselves; those that are not fast are exact at the row counts of their certificate."""


def open_engine(
    source: ModelSource, files: ModelFiles, threads: int, certificate: str = "", images: ReadImage = no_images
) -> Engine:
    """The engine that a model asks for, not yet set up. Raises `JobSpecError` where there is no such engine.

    ``certificate`` is what the plan's numerics say of it; an engine that needs one and is given none finds one.
    ``images`` reads the pictures that requests begin with.
    """
    if source.engine == "echo":
        return EchoEngine(files.kind)
    options: dict[str, Any] = {"certificate": certificate, "max_batch_size": source.max_batch_size}
    if source.engine in ("slots", "slots-fast") and files.kind == "text":
        from galley.engines.text.engine import SlotTextEngine

        return SlotTextEngine(files, source.dtype, threads, **options, exact=source.engine == "slots")
    if source.engine in ("steps", "steps-fast") and files.kind == "image":
        from galley.engines.image.engine import StepImageEngine

        exact = source.engine == "steps"
        return StepImageEngine(files, source.dtype, threads, **options, exact=exact, images=images)
    if source.engine != "stock":
        raise _unknown(source)
    if files.kind == "image":
        from galley.engines.stock_image import StockImageEngine

        return StockImageEngine(files, source.dtype, threads, images=images)
    from galley.engines.stock_text import StockTextEngine

    return StockTextEngine(files, source.dtype, threads)


def numerics_of(source: ModelSource, files: ModelFiles, threads: int) -> Numerics:
    """What artifacts of this model would be made under in this process, loading the model only where it must be."""
    if source.engine == "echo":
        return ECHO_NUMERICS
    if source.engine in BATCHING:
        # Only the loaded model tells whether the engine serves it, and which row counts give equal bits.
        engine = open_engine(source, files, threads)
        try:
            return engine.setup()
        finally:
            engine.close()
    if source.engine != "stock":
        raise _unknown(source)
    from galley.engines.numerics import measure, settle

    settle(threads)
    return measure(files.kind, source.dtype)


def _unknown(source: ModelSource) -> JobSpecError:
    there = ", ".join(f"{'texts' if kind == 'text' else 'images'}: {', '.join(ENGINES[kind])}" for kind in ENGINES)
    return JobSpecError(f'model "{source.name}" asks for the engine {source.engine!r}; there are for {there}')
