"""Jobs as containers of a Docker daemon, each sealed in with what its specification names and nothing else.

A container has no capabilities and cannot gain any, no network, a read-only root with a small ``/tmp``, as many
processes, as much memory and CPU as it may use, and a user that is not root. The objects and models of its job
(`galley.runtimes.access`) are mounted where they lie on this machine, so that their URIs hold inside too.

A container's name is made of its job's label and its store, and the daemon gives a name away once: that is what keeps
two executions of one job from being under way at once. One that has ended keeps its log and exit code under another
name until the execution after the next, or for a day (`DockerRuntime.reap`).

Known limits: a store on this machine (``file:///``) and a daemon that shares its files. Where the machine's clock is
set back while a job runs, the log lines of that time do not reach the task's log; ``docker logs`` has them.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from galley.errors import JobInterrupted, JobSpecError
from galley.items import Job, digest
from galley.runtimes.access import Access, access
from galley.runtimes.base import JobStatus, LogChunk, label
from galley.settings import Settings
from galley.storage import Zones
from galley.storage.local import local_root

UNPRIVILEGED = 10001
"""User and group of containers where we are root ourselves; the images' own."""
PIDS = 512
"""Processes and threads of a container."""
TMPFS = "size=1g,mode=1777"
"""Of ``/tmp``; what is in it counts as the job's memory."""
LOGS = {"max-size": "16m", "max-file": "4"}
"""Of a container's log on disk; more is forgotten from the start."""
ENDED_SECONDS = 86_400.0
"""How long the reaper leaves an ended container."""
SECOND = 10**9
_HANDLE = re.compile(r"[0-9a-f]{64}")
_NOT_SERVED = {"rootless": "runs without root", "userns": "maps users (userns-remap)"}
_LIMITS = {"MemoryLimit": "memory", "PidsLimit": "processes", "CpuCfsQuota": "CPU time"}


class DockerRuntime:
    """A `galley.runtimes.base.Runtime` of containers on the daemon of ``DOCKER_HOST``. Handles are container ids."""

    name = "docker"

    def __init__(self, zones: Zones, *, generation: str, compliance: str, hub_cache: Path) -> None:
        """Serve jobs of these zones.

        Args:
            zones: the installation's.
            generation: image of ``generate`` and ``numerics`` jobs.
            compliance: image of all others.
            hub_cache: where hub models lie.
        """
        self._zones, self._hub_cache = zones, hub_cache
        self._generation, self._compliance = generation, compliance
        # Two installations may have runs of one name on one daemon.
        self._store = digest(zones.work.url)[:16]

    @classmethod
    def from_settings(cls, settings: Settings) -> DockerRuntime:
        """The installation's."""
        return cls(
            Zones.from_settings(settings),
            generation=settings.image("generation"),
            compliance=settings.image("compliance"),
            hub_cache=settings.hub_cache,
        )

    def environment(self) -> str:
        """The id of the generation image; see `Runtime.environment`."""
        with _daemon() as daemon:
            return digest(_image(daemon, self._generation)["Id"])

    def submit(self, job: Job, uri: str) -> str:
        """Start the job, or find it running. See `Runtime.submit`."""
        config: dict[str, Any] = {}
        with _daemon() as daemon:
            for attempt in range(40):
                if attempt:
                    time.sleep(0.05)  # another submitter was faster, or an ended container made room
                known = _inspect(daemon, self._container(job))
                if known is not None and _running(known):
                    return str(known["Id"])
                config = config or self._config(daemon, job, uri)
                if known is None:
                    handle = self._create(daemon, job, config)
                elif known["State"]["Status"] != "created":
                    self._retire(daemon, job, known)
                    continue
                elif known["Config"]["Labels"]["galley.config"] == config["Labels"]["galley.config"]:
                    handle = str(known["Id"])  # its submitter starts it now, or died before: starting twice is once
                else:
                    _remove(daemon, known["Id"])
                    continue
                if handle and _start(daemon, handle, job):
                    return handle
        raise JobInterrupted(f'job "{label(job)}" is being started by another process; try again')

    def find(self, job: Job) -> str | None:
        """The handle of the job's running execution, or None."""
        with _daemon() as daemon:
            known = _inspect(daemon, self._container(job))
        return str(known["Id"]) if known is not None and _running(known) else None

    def status(self, handle: str) -> JobStatus:
        """Where the execution stands; a container that is gone has ended with nobody knowing how."""
        with _daemon() as daemon:
            known = self._known(daemon, handle)
        if known is None:
            return JobStatus("ended", None)
        if _running(known):
            return JobStatus("running")
        began = not known["State"]["StartedAt"].startswith("0001-")
        return JobStatus("ended", int(known["State"]["ExitCode"]) if began else None)

    def logs(self, handle: str, cursor: int = 0) -> LogChunk:
        """Whole lines after ``cursor``, the daemon's time stamp of the last line in nanoseconds."""
        with _daemon() as daemon:
            known = self._known(daemon, handle)
            if known is None:
                return LogChunk((), cursor)
            # A second more, and then by place: lines of the two streams may lie in another order than their stamps.
            since = max(1, cursor // SECOND - 1)
            frames = list(daemon.logs(handle, timestamps=True, since=since, stream=True, follow=False))
        lines = list(_lines(frames, ended=not _running(known)))
        start = next((n for n in range(len(lines), 0, -1) if lines[n - 1][0] == cursor), None)
        fresh = [line for line in lines if line[0] > cursor] if start is None else lines[start:]
        texts = tuple(text for _, line in fresh for text in line.splitlines() or [""])
        return LogChunk(texts, fresh[-1][0] if fresh else cursor)

    def cancel(self, handle: str, grace: float = 20.0) -> None:
        """SIGTERM to the worker, SIGKILL to all of the container after ``grace`` seconds, of which whole ones count."""
        with _daemon() as daemon:
            if self._known(daemon, handle) is None:
                return
            with suppress(_error("NotFound")):
                daemon.stop(handle, timeout=math.floor(grace))
            left = self._known(daemon, handle)
        if left is not None and _running(left):
            raise JobInterrupted(f"container {handle[:12]} does not end, not even by SIGKILL; look at its daemon")

    def reap(self, wanted: Callable[[str], bool], *, older_than: float = ENDED_SECONDS) -> list[str]:
        """Remove what was left of this installation's jobs, and return the labels of their jobs.

        Args:
            wanted: whether somebody still waits for the job of a label, ``<run>/<job>``; where not, a running
                container is ended and removed.
            older_than: seconds; a container that ended longer ago is removed.
        """
        reaped = []
        with _daemon() as daemon:
            for listed in daemon.containers(all=True, filters={"label": [f"galley.store={self._store}"]}):
                known = _inspect(daemon, listed["Id"])
                if known is None:
                    continue
                name = known["Config"]["Labels"]["galley.job"]
                if _running(known):
                    if wanted(name):
                        continue
                    self.cancel(known["Id"])
                elif _age(known) < older_than:
                    continue
                _remove(daemon, known["Id"])
                reaped.append(name)
        return sorted(reaped)

    # ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _container(self, job: Job) -> str:
        return f"galley-{job.job}-{digest([self._store, label(job)])[:16]}"

    def _create(self, daemon: Any, job: Job, config: dict[str, Any]) -> str:
        """Make the job's container; "" where its name was taken meanwhile."""
        try:
            return str(daemon.create_container_from_config(config, self._container(job))["Id"])
        except _error("APIError") as error:
            if error.status_code == 409:
                return ""
            if "bind source path does not exist" in str(error.explanation):
                raise JobSpecError(
                    f"this Docker daemon does not see the files of this machine ({error.explanation}); set DOCKER_HOST "
                    "to one that does, or the runtime to process"
                ) from error
            raise

    def _known(self, daemon: Any, handle: str) -> dict[str, Any] | None:
        if not _HANDLE.fullmatch(handle):
            raise JobSpecError(f"{handle!r} is not the handle of a docker job")
        known = _inspect(daemon, handle)
        if known is not None and (known["Config"]["Labels"] or {}).get("galley.store") != self._store:
            raise JobSpecError(f"{handle!r} is not the handle of a docker job: the container is not of this store")
        return known

    def _retire(self, daemon: Any, job: Job, ended: dict[str, Any]) -> None:
        """Free the name that an ended container holds; the one before it goes."""
        filters = {"label": [f"galley.store={self._store}", f"galley.job={label(job)}"], "status": ["exited", "dead"]}
        for listed in daemon.containers(all=True, filters=filters):
            if listed["Id"] != ended["Id"]:
                _remove(daemon, listed["Id"])
        with suppress(_error("APIError")):  # another submitter was faster
            daemon.rename(ended["Id"], f"{self._container(job)}.{ended['Id'][:12]}")

    def _config(self, daemon: Any, job: Job, uri: str) -> dict[str, Any]:
        if not self._zones.work.url.startswith("file://"):
            raise JobSpecError(
                f"the docker runtime serves stores on this machine, not {self._zones.work.url}; "
                "set GALLEY_STORE_URL to file:///directory, or the runtime to process"
            )
        info = daemon.info()
        _check_daemon(info)
        granted = access(job, uri, self._zones, self._hub_cache)
        image = self._generation if job.command in ("generate", "numerics") else self._compliance
        # By id: whatever the name stands for a moment later, this one was looked at.
        image_id = _image(daemon, image)["Id"]
        wanted = job.resources
        user = UNPRIVILEGED if os.geteuid() == 0 else os.geteuid()
        group = UNPRIVILEGED if os.geteuid() == 0 else os.getegid()
        devices = [{"Count": wanted.gpu, "Capabilities": [["gpu"]]}] if wanted.gpu else []
        host = daemon.create_host_config(
            mounts=self._mounts(granted),
            network_mode="none",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            tmpfs={"/tmp": TMPFS},  # noqa: S108 - the container's
            pids_limit=PIDS,
            mem_limit=wanted.memory_bytes,
            memswap_limit=wanted.memory_bytes,
            # A cap beyond what the machine has caps nothing, and the daemon refuses it.
            nano_cpus=int(min(wanted.cpu, info["NCPU"]) * SECOND),
            init=True,
            log_config={"Type": "json-file", "Config": LOGS},
            device_requests=[_device_request(**device) for device in devices],
        )
        config: dict[str, Any] = daemon.create_container_config(
            image=image_id,
            command=["python", "-m", "galley.worker", job.command, "--job", uri],
            entrypoint=[],
            user=f"{user}:{group}",
            environment=self._environment(),
            working_dir="/tmp",  # noqa: S108
            healthcheck={"test": ["NONE"]},
            labels={
                "galley.job": label(job),
                "galley.run": job.run,
                "galley.command": job.command,
                "galley.store": self._store,
                "galley.image": image,
            },
            host_config=host,
        )
        config["Labels"]["galley.config"] = digest(config)
        return config

    def _environment(self) -> dict[str, str]:
        """All that a container's worker is told; nothing of this process's environment gets in."""
        return self._zones.environment() | {
            "GALLEY_HOME": "/tmp/galley",  # noqa: S108
            "GALLEY_MODELS_CACHE": str(self._hub_cache),
            "HOME": "/tmp",  # noqa: S108
            "USER": "galley",  # the user id need not be in the image's list
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
        }

    def _mounts(self, granted: Access) -> list[dict[str, Any]]:
        writable = [self._path(uri) for uri in granted.outputs]
        for path in writable:
            path.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                _give_away(path)
        readable = [self._path(uri) for uri in (*granted.objects, *granted.folders)]
        mounts = {str(path): False for path in writable}
        mounts |= {str(path): True for path in (*readable, *granted.models) if path.exists()}
        return [
            {"Type": "bind", "Source": path, "Target": path, "ReadOnly": read_only}
            for path, read_only in sorted(mounts.items())
        ]

    def _path(self, uri: str) -> Path:
        """The path of a URI. A job may have put links into its folders, and the daemon would follow them."""
        store, key = self._zones.resolve(uri)
        path = local_root(store.url) / key
        if path.exists() and path.resolve() != local_root(store.url).resolve() / key:
            raise JobSpecError(f"{path} leads to {path.resolve()}; nothing in a store may be a link: remove it")
        return path


def _give_away(path: Path) -> None:
    """Let the containers' user write into a folder and those below. Files stay: they are replaced, never changed."""
    for _, _, _, folder in os.fwalk(path):
        os.fchown(folder, UNPRIVILEGED, UNPRIVILEGED)


# ── the daemon ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _daemon() -> Iterator[Any]:
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


def _error(name: str) -> type[Any]:
    import docker

    kind: type[Any] = getattr(docker.errors, name)
    return kind


def _device_request(**fields: Any) -> Any:
    import docker

    return docker.types.DeviceRequest(**fields)


def _check_daemon(info: dict[str, Any]) -> None:
    """Refuse a daemon on which the promises do not hold. Raises `JobSpecError`."""
    options = " ".join(info.get("SecurityOptions") or ())
    for option, what in _NOT_SERVED.items():
        if f"name={option}" in options:
            raise JobSpecError(
                f"this Docker daemon {what}, so that containers cannot write into a store of this machine as its user; "
                "set DOCKER_HOST to a daemon that does not, or the runtime to process"
            )
    missing = [what for field, what in _LIMITS.items() if not info.get(field)]
    if missing:
        raise JobSpecError(f"this Docker daemon cannot limit {', '.join(missing)} (docker info says why)")


def _image(daemon: Any, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = daemon.inspect_image(name)
    except _error("ImageNotFound"):
        raise JobSpecError(f'image "{name}" is not on this Docker daemon; run: make images, or docker pull') from None
    return found


def _inspect(daemon: Any, container: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = daemon.inspect_container(container)
    except _error("NotFound"):
        return None
    return found


def _running(container: dict[str, Any]) -> bool:
    return container["State"]["Status"] in ("running", "paused", "restarting")


def _start(daemon: Any, container: str, job: Job) -> bool:
    """Start a container; False where it is gone. One that cannot be started goes. Raises `JobSpecError`."""
    try:
        daemon.start(container)
    except _error("NotFound"):
        return False
    except _error("APIError") as error:
        _remove(daemon, container)
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


def _remove(daemon: Any, container: str) -> None:
    with suppress(_error("APIError")):  # gone, or going
        daemon.remove_container(container, force=True)


def _age(container: dict[str, Any]) -> float:
    """Seconds since it ended, or since it was made where it never began."""
    ended = container["State"]["FinishedAt"]
    stamp = container["Created"] if ended.startswith("0001-") else ended
    return (datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds()


def _lines(frames: Iterable[bytes], *, ended: bool) -> Iterator[tuple[int, str]]:
    """Stamps in nanoseconds and lines. The daemon cuts a long line into frames, of which the last ends it.

    A line that has no end yet is left for later, unless the job has ended.
    """
    parts: list[bytes] = []
    stamp = 0
    for frame in frames:
        time_stamp, _, text = frame.partition(b" ")
        if not parts:
            stamp = _nanoseconds(time_stamp.decode())
        parts.append(text)
        if text.endswith(b"\n"):
            yield stamp, b"".join(parts).decode(errors="replace")
            parts = []
    if parts and ended:
        yield stamp, b"".join(parts).decode(errors="replace")


def _nanoseconds(stamp: str) -> int:
    """``2026-11-26T15:00:00.123456789Z``, as the daemon writes times, in nanoseconds since 1970."""
    seconds, _, fraction = stamp.rstrip("Z").partition(".")
    return int(datetime.fromisoformat(f"{seconds}+00:00").timestamp()) * SECOND + int(fraction.ljust(9, "0") or 0)
