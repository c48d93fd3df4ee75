"""``stats.json``: what a generate job did, as the worker writes it and `galley stats` shows it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, ValidationError

from galley.errors import IntegrityError
from galley.items import Frozen
from galley.storage.base import ObjectStore

PUBLIC = (
    "job",
    "model",
    "engine",
    "items",
    "useful_rows",
    "computed_rows",
    "mean_rows",
    "seconds",
    "tokens_per_second",
    "evaluations_per_second",
    "peak_memory_bytes",
)
"""Fields that `galley stats` shows, in this order."""


class JobStats(Frozen):
    """Figures of the last attempt at a generate job that had something to do; seconds are wall time.

    Attributes:
        job: its name.
        attempt: name of the attempt.
        model: name in the registry.
        engine: as the artifacts' numerics have it: ``stock``, ``slots``, ``steps`` …
        fallback: why that is not the engine the model asks for; empty where it is.
        requests: of the job.
        finished_before: had a result already.
        blocked: left out for their prompt.
        items: results written by this attempt.
        made: those with an artifact.
        failed: those without.
        batches: handed to the engine.
        evaluations: denoising steps of images, or new tokens.
        forwards: decode forwards of texts, denoiser forwards of images.
        useful_rows: rows of forwards that belonged to an item, guidance rows included.
        computed_rows: all rows of forwards.
        mean_rows: useful rows of a forward.
        sizes: rows of a forward to the number of forwards that had so many.
        chunks: prompt chunks computed, where an engine reads prompts in chunks.
        prefix_hits: prompt chunks that were there from another prompt.
        phases: seconds in the engine by what they were spent on.
        seconds: in the engine, the model's loading left out.
        setup_seconds: loading the model, and finding a certificate where the plan had none.
        store_seconds: writing artifacts and results.
        tokens_per_second: new tokens of texts; 0 for images.
        evaluations_per_second: evaluations of images and texts.
        peak_memory_bytes: resident, of the process.
    """

    job: str
    attempt: str = ""
    model: str = ""
    engine: str = ""
    fallback: str = ""
    requests: int = 0
    finished_before: int = 0
    blocked: int = 0
    items: int = 0
    made: int = 0
    failed: int = 0
    batches: int = 0
    evaluations: int = 0
    forwards: int = 0
    useful_rows: int = 0
    computed_rows: int = 0
    mean_rows: float = 0.0
    sizes: dict[int, int] = Field(default={})
    chunks: int = 0
    prefix_hits: int = 0
    phases: dict[str, float] = Field(default={})
    seconds: float = 0.0
    setup_seconds: float = 0.0
    store_seconds: float = 0.0
    tokens_per_second: float = 0.0
    evaluations_per_second: float = 0.0
    peak_memory_bytes: int = 0

    def public(self) -> dict[str, str | int | float]:
        """The fields of `PUBLIC`, in their order."""
        return {name: getattr(self, name) for name in PUBLIC}


def read_stats(work: ObjectStore, run: str) -> Iterator[JobStats]:
    """Figures of a run's generate jobs, by job name. Raises `IntegrityError` where an object is something else."""
    prefix = f"runs/{run}/jobs/generate-"
    for found in work.list(prefix):
        if found.key.endswith("/stats.json") and found.key.count("/") == prefix.count("/") + 1:
            try:
                yield JobStats.model_validate_json(work.get(found.key))
            except ValidationError as error:
                raise IntegrityError(f"{work.url}/{found.key} is no figures of a job: {error}") from error
