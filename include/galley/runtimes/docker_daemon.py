"""A Docker daemon, asked through the docker package: its errors become ours, its oddities stay here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from galley.errors import JobInterrupted, JobSpecError
from galley.items import Job
from galley.runtimes.base import label
from galley.runtimes.stamped_log import nanoseconds

LOGS = {"max-size": "16m", "max-file": "4"}
"""Of a container's log on disk; more is forgotten from the start."""
_NOT_SERVED = {"rootless": "runs without root", "userns": "maps users (userns-remap)"}
_LIMITS = {"MemoryLimit": "memory", "PidsLimit": "processes", "CpuCfsQuota": "CPU time"}


@contextmanager
def open_daemon() -> Iterator[Any]:
    """A client of the daemon that ``DOCKER_HOST`` names; its errors become ours."""
    try:
        import docker
        from requests.exceptions import RequestException
    except ImportError as error:
        raise JobSpecError(f"the docker runtime needs the Python package docker ({error}); run: make setup") from error
    try:
        client = docker.APIClient(version="auto", **docker.utils.kwargs_from_env())
        try:
            yield client
        finally:
            client.close()
    except docker.errors.APIError as error:
        what = f"the Docker daemon says: {error.explanation or error}"
        if error.status_code >= 500:
            raise JobInterrupted(f"{what}; try again") from error
        raise JobSpecError(what) from error
    except (docker.errors.DockerException, RequestException) as error:
        where = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        raise JobInterrupted(
            f"no Docker daemon answers at {where} ({error}); start it, or set DOCKER_HOST, and see that this user may "
            "use its socket"
        ) from error


def api_error(name: str) -> type[Any]:
    """An exception of the docker package."""
    import docker

    kind: type[Any] = getattr(docker.errors, name)
    return kind


def device_request(**fields: Any) -> Any:
    """A container's claim to devices, in the daemon's form."""
    import docker

    return docker.types.DeviceRequest(**fields)


def check_daemon(info: dict[str, Any], *, files: bool) -> None:
    """Refuse a daemon on which the promises do not hold; ``files``: its containers write into a store of this machine.

    Raises `JobSpecError`.
    """
    options = " ".join(info.get("SecurityOptions") or ())
    for option, what in _NOT_SERVED.items():
        if files and f"name={option}" in options:
            raise JobSpecError(
                f"this Docker daemon {what}, so that containers cannot write into a store of this machine as its user; "
                "set DOCKER_HOST to a daemon that does not, or the runtime to process"
            )
    missing = [what for field, what in _LIMITS.items() if not info.get(field)]
    if missing:
        raise JobSpecError(f"this Docker daemon cannot limit {', '.join(missing)} (docker info says why)")


def find_image(daemon: Any, name: str) -> dict[str, Any]:
    """What the daemon knows of an image. Raises `JobSpecError` where it has none of the name."""
    try:
        found: dict[str, Any] = daemon.inspect_image(name)
    except api_error("ImageNotFound"):
        raise JobSpecError(f'image "{name}" is not on this Docker daemon; run: make images, or docker pull') from None
    return found


def inspect(daemon: Any, container: str) -> dict[str, Any] | None:
    """What the daemon knows of a container, by id or name, or None."""
    try:
        found: dict[str, Any] = daemon.inspect_container(container)
    except api_error("NotFound"):
        return None
    return found


def running(container: dict[str, Any]) -> bool:
    """Whether an inspected container is under way."""
    return container["State"]["Status"] in ("running", "paused", "restarting")


def start(daemon: Any, container: str, job: Job) -> bool:
    """Start a container; False where it is gone. One that cannot be started goes. Raises `JobSpecError`."""
    try:
        daemon.start(container)
    except api_error("NotFound"):
        return False
    except api_error("APIError") as error:
        remove(daemon, container)
        why = str(error.explanation or error)
        if "could not select device driver" in why:
            rule = (
                f"asks for {job.resources.gpu} GPU and this Docker daemon serves none; install the NVIDIA container "
                "toolkit on its machine, or set GALLEY_GPUS=0"
            )
            raise JobSpecError(f'job "{label(job)}" {rule}') from error
        if "executable file not found" in why:
            raise JobSpecError(
                f'job "{label(job)}": its image has no python, so it is not one of ours: {why}'
            ) from error
        raise
    return True


def remove(daemon: Any, container: str) -> None:
    """Remove a container, whatever it does, with the volumes that nobody else has."""
    with suppress(api_error("APIError")):  # gone, or going
        daemon.remove_container(container, force=True, v=True)


def age(container: dict[str, Any]) -> float:
    """Seconds since it ended, or since it was made where it never began."""
    ended = container["State"]["FinishedAt"]
    stamp = container["Created"] if ended.startswith("0001-") else ended
    return (datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds()


def log_lines(frames: Iterable[bytes], *, ended: bool) -> Iterator[tuple[int, str]]:
    """Stamps in nanoseconds and lines. The daemon cuts a long line into frames, of which the last ends it.

    A line that has no end yet is left for later, unless the job has ended.
    """
    parts: list[bytes] = []
    stamp = 0
    for frame in frames:
        time_stamp, _, text = frame.partition(b" ")
        if not parts:
            stamp = nanoseconds(time_stamp.decode())
        parts.append(text)
        if text.endswith(b"\n"):
            yield stamp, b"".join(parts).decode(errors="replace")
            parts = []
    if parts and ended:
        yield stamp, b"".join(parts).decode(errors="replace")
