"""Engines: what turns requests into artifacts. A registry entry's ``engine`` names one; imports happen on demand.

``stock``  unmodified diffusers or transformers, one planned batch a call
``slots``  texts only: rows join and leave one decode forward (`galley.engines.text`)
``steps``  images only: denoising steps of many pictures share a forward (`galley.engines.image`)
``echo``   no model at all: bytes derived from the request, for tests of everything around engines
"""

from __future__ import annotations

from typing import Any

from galley.engines.base import ECHO_NUMERICS, EchoEngine, Engine
from galley.errors import JobSpecError
from galley.items import ModelSource, Numerics
from galley.model_files import ModelFiles

CERTIFYING = frozenset({("slots", "text"), ("steps", "image")})
"""Engines that batch by themselves, by kind: exact at the row counts of their certificate."""


def open_engine(source: ModelSource, files: ModelFiles, threads: int, certificate: str = "") -> Engine:
    """The engine that a model asks for, not yet set up. Raises `JobSpecError` where there is no such engine.

    ``certificate`` is what the plan's numerics say of it; an engine that needs one and is given none finds one.
    """
    if source.engine == "echo":
        return EchoEngine(files.kind)
    options: dict[str, Any] = {"certificate": certificate, "max_batch_size": source.max_batch_size}
    if (source.engine, files.kind) == ("slots", "text"):
        from galley.engines.text.engine import SlotTextEngine

        return SlotTextEngine(files, source.dtype, threads, **options)
    if (source.engine, files.kind) == ("steps", "image"):
        from galley.engines.image.engine import StepImageEngine

        return StepImageEngine(files, source.dtype, threads, **options)
    if source.engine != "stock":
        raise _unknown(source)
    if files.kind == "image":
        from galley.engines.stock_image import StockImageEngine

        return StockImageEngine(files, source.dtype, threads)
    from galley.engines.stock_text import StockTextEngine

    return StockTextEngine(files, source.dtype, threads)


def numerics_of(source: ModelSource, files: ModelFiles, threads: int) -> Numerics:
    """What artifacts of this model would be made under in this process, loading the model only where it must be."""
    if source.engine == "echo":
        return ECHO_NUMERICS
    if (source.engine, files.kind) in CERTIFYING:
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
    return JobSpecError(
        f'model "{source.name}" asks for the engine {source.engine!r}; there are stock, slots (texts), steps (images) '
        "and echo"
    )
