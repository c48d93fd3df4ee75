"""Which numerics a model's jobs will run under: asked of the worker once, then remembered.

The planner has no machine-learning library, so a ``numerics`` job measures. Its answer is kept in the work zone under
everything that decides it: runtime, what the worker's environment holds, our engines' code, kind, dtype and engine of
the model (the model's digest too where an engine certifies), threads, and the machine's processor and accelerators.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

import galley
from galley.errors import ObjectNotFound, StoreError
from galley.items import Job, Kind, ModelSource, Numerics, Resources, canonical_json, digest, slug
from galley.runtimes import open_runtime
from galley.settings import Settings
from galley.stages.run import PlannedTask, RunFiles

Execute = Callable[[PlannedTask], None]
"""Runs one job to its end; raises as `galley.exit_codes.raise_for` does."""


def numerics_for(
    files: RunFiles,
    settings: Settings,
    source: ModelSource,
    kind: Kind,
    runtime: str,
    execute: Execute,
    memory_bytes: int = 0,
) -> Numerics:
    """The numerics for one model; from memory where that is possible, else by a job of the run.

    ``memory_bytes`` is what a job with the model asks for; 0: 4 GiB.
    """
    decides = {
        "runtime": runtime or settings.runtime or "process",
        "environment": open_runtime(runtime, settings).environment(),
        "machine": machine_digest(),
        "engines": _engines_digest(),
        "kind": kind,
        "dtype": source.dtype,
        "engine": source.engine,
        "model": "" if source.engine in ("stock", "echo") else source.digest,
        "threads": settings.worker_threads,
        "gpu": bool(settings.gpus),
    }
    kept = f"numerics/{digest(decides)}.json"
    found = _read(files, kept)
    if found is None:
        name = f"numerics-{slug(source.name)}-{source.engine}-{source.digest[:8]}"
        job = Job(
            job=name,
            run=files.run,
            command="numerics",
            prefix=files.uri("jobs", name),
            model=source,
            threads=settings.worker_threads,
            # As its generation jobs: what is measured without a GPU would be refused with one.
            resources=Resources(
                cpu=settings.worker_threads, memory_bytes=memory_bytes or 4 * 2**30, gpu=1 if settings.gpus else 0
            ),
        )
        uri, sha256 = files.uri("jobs", name, "job.json"), files.write(f"jobs/{name}/job.json", job)
        execute(PlannedTask(job=name, uri=uri, sha256=sha256, runtime=runtime, requests=1))
        answer = files.read(f"jobs/{name}/numerics.json", Numerics)
        if answer is None:
            raise ObjectNotFound(
                f"{files.uri('jobs', name, 'numerics.json')}: the numerics job ended without an answer"
            )
        found = answer
        files.work.put(kept, canonical_json(found.model_dump(mode="json")))
    return found


def machine_digest() -> str:
    """What of this machine can change bits: processor, its instruction sets, and accelerators that are visible."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        cpu = sorted({line for line in lines if line.split(":")[0].strip() in ("model name", "flags", "Features")})
    except OSError:
        cpu = [platform.processor()]
    devices = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    return digest([platform.machine(), cpu, devices, os.environ.get("CUDA_VISIBLE_DEVICES", "")])


def _engines_digest() -> str:
    """Of the engines' code: another may say other things of the same machine."""
    folder = Path(galley.__file__).parent / "engines"
    return digest({path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.py")})


def _read(files: RunFiles, key: str) -> Numerics | None:
    try:
        return Numerics.model_validate_json(files.work.get(key))
    except (ObjectNotFound, ValidationError):
        return None
    except StoreError:
        raise
