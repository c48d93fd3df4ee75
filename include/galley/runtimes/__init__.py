"""Runtimes: how jobs are executed. `open_runtime` gives the one of a name."""

from __future__ import annotations

from galley.errors import JobSpecError
from galley.runtimes.base import TAIL, JobStatus, LogChunk, Runtime, label
from galley.runtimes.process import ProcessRuntime
from galley.settings import Settings

__all__ = ["TAIL", "JobStatus", "LogChunk", "ProcessRuntime", "Runtime", "label", "open_runtime"]


def open_runtime(name: str, settings: Settings) -> Runtime:
    """The runtime of a name (``""``: the installation's default). Raises `JobSpecError` where there is none."""
    chosen = name or settings.runtime or "process"
    if chosen == "process":
        return ProcessRuntime.from_settings(settings)
    if chosen == "docker":
        from galley.runtimes.docker import DockerRuntime

        return DockerRuntime.from_settings(settings)
    if chosen == "kubernetes":
        from galley.runtimes.kubernetes import KubernetesRuntime

        return KubernetesRuntime.from_settings(settings)
    raise JobSpecError(f"there is no runtime {chosen!r}; there are process, docker and kubernetes")
