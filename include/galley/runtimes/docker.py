"""Jobs as containers of a Docker daemon, each sealed in with what its specification names and nothing else.

A container has no capabilities and cannot gain any, no network, a read-only root with a small ``/tmp``, as many
processes, as much memory and CPU as it may use, and a user that is not root. The objects and models of its job
(`galley.runtimes.access`) are mounted where they lie on this machine, so that their URIs hold inside too; into a store
in S3 leads the gate beside it (`galley.runtimes.docker_gate`).

A container's name is made of its job's label and its store, and the daemon gives a name away once: that is what keeps
two executions of one job from being under way at once. One that has ended keeps its log and exit code under another
name until the execution after the next, or for a day (`DockerRuntime.reap`).

Known limits: the daemon must see the files of this machine, those of the models at least. Where the machine's clock is
set back while a job runs, the log lines of that time do not reach the task's log; ``docker logs`` has them.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from galley.errors import GalleyError, JobInterrupted, JobSpecError
from galley.items import Job, digest
from galley.runtimes.access import Access, access
from galley.runtimes.base import JobStatus, LogChunk, label
from galley.runtimes.docker_daemon import (
    LOGS,
    age,
    api_error,
    check_daemon,
    device_request,
    find_image,
    inspect,
    log_lines,
    open_daemon,
    remove,
    running,
    start,
)
from galley.runtimes.docker_gate import DockerGates
from galley.runtimes.local_grants import job_user, local_mounts
from galley.runtimes.sealed import job_environment
from galley.runtimes.stamped_log import SECOND, after
from galley.settings import Settings
from galley.storage import Zones

PIDS = 512
"""Processes and threads of a container."""
TMPFS = "size=1g,mode=1777"
"""Of ``/tmp``; what is in it counts as the job's memory."""
ENDED_SECONDS = 86_400.0
"""How long the reaper leaves an ended container."""
_HANDLE = re.compile(r"[0-9a-f]{64}")
_log = logging.getLogger(__name__)


class DockerRuntime:
    """A `galley.runtimes.base.Runtime` of containers on the daemon of ``DOCKER_HOST``. Handles are container ids."""

    name = "docker"

    def __init__(self, settings: Settings) -> None:
        """Serve the jobs of an installation.

        ``generate`` and ``numerics`` jobs run in its generation image, all others in its compliance image.
        """
        self._settings, self._zones = settings, Zones.from_settings(settings)
        self._generation, self._compliance = settings.image("generation"), settings.image("compliance")
        # Two installations may have runs of one name on one daemon.
        self._store = digest(self._zones.work.url)[:16]
        self._gates = DockerGates(settings, self._store)

    @classmethod
    def from_settings(cls, settings: Settings) -> DockerRuntime:
        """The installation's."""
        return cls(settings)

    def environment(self) -> str:
        """The id of the generation image; see `Runtime.environment`."""
        with open_daemon() as daemon:
            return digest(find_image(daemon, self._generation)["Id"])

    def submit(self, job: Job, uri: str) -> str:
        """Start the job, or find it running. See `Runtime.submit`."""
        config: dict[str, Any] = {}
        with open_daemon() as daemon:
            for attempt in range(40):
                if attempt:
                    time.sleep(0.05)  # another submitter was faster, or an ended container made room
                known = inspect(daemon, self._container(job))
                if known is not None and running(known):
                    return self._served(daemon, str(known["Id"]))
                config = config or self._config(daemon, job, uri)
                if known is None:
                    handle = self._create(daemon, job, config)
                elif known["State"]["Status"] != "created":
                    self._retire(daemon, job, known)
                    continue
                elif known["Config"]["Labels"]["galley.config"] == config["Labels"]["galley.config"]:
                    handle = str(known["Id"])  # its submitter starts it now, or died before: starting twice is once
                else:
                    remove(daemon, known["Id"])
                    continue
                if handle and start(daemon, handle, job):
                    return self._served(daemon, handle)
        raise JobInterrupted(f'job "{label(job)}" is being started by another process; try again')

    def find(self, job: Job) -> str | None:
        """The handle of the job's running execution, or None."""
        with open_daemon() as daemon:
            known = inspect(daemon, self._container(job))
        return str(known["Id"]) if known is not None and running(known) else None

    def status(self, handle: str) -> JobStatus:
        """Where the execution stands; a container that is gone has ended with nobody knowing how."""
        with open_daemon() as daemon:
            known = self._known(daemon, handle)
            if known is not None and running(known):
                try:
                    self._gates.serve(daemon, str(known["Id"]))
                except GalleyError as error:  # it runs all the same, and waits a minute for somebody who can
                    _log.warning("A running job has no way to its store: %s", error)
        if known is None:
            return JobStatus("ended", None)
        if running(known):
            return JobStatus("running")
        began = not known["State"]["StartedAt"].startswith("0001-")
        return JobStatus("ended", int(known["State"]["ExitCode"]) if began else None)

    def logs(self, handle: str, cursor: int = 0) -> LogChunk:
        """Whole lines after ``cursor``, the daemon's time stamp of the last line in nanoseconds."""
        with open_daemon() as daemon:
            known = self._known(daemon, handle)
            if known is None:
                return LogChunk((), cursor)
            # A second more, so that the line of the cursor is among them.
            since = max(1, cursor // SECOND - 1)
            frames = list(daemon.logs(handle, timestamps=True, since=since, stream=True, follow=False))
        lines = list(log_lines(frames, ended=not running(known)))
        return after(lines, cursor)

    def cancel(self, handle: str, grace: float = 20.0) -> None:
        """SIGTERM to the worker, SIGKILL to all of the container after ``grace`` seconds, of which whole ones count."""
        with open_daemon() as daemon:
            if self._known(daemon, handle) is None:
                return
            with suppress(api_error("NotFound")):
                daemon.stop(handle, timeout=math.floor(grace))
            left = self._known(daemon, handle)
        if left is not None and running(left):
            raise JobInterrupted(f"container {handle[:12]} does not end, not even by SIGKILL; look at its daemon")

    def reap(self, wanted: Callable[[str], bool], *, older_than: float = ENDED_SECONDS) -> list[str]:
        """Remove what was left of this installation's jobs, and return the labels of their jobs.

        Args:
            wanted: whether somebody still waits for the job of a label, ``<run>/<job>``; where not, a running
                container is ended and removed.
            older_than: seconds; a container that ended longer ago is removed.
        """
        reaped = []
        with open_daemon() as daemon:
            for listed in daemon.containers(all=True, filters={"label": [f"galley.store={self._store}"]}):
                known = inspect(daemon, listed["Id"])
                if known is None:
                    continue
                name = known["Config"]["Labels"]["galley.job"]
                if running(known):
                    if wanted(name):
                        continue
                    self.cancel(known["Id"])
                elif age(known) < older_than:
                    continue
                remove(daemon, known["Id"])
                reaped.append(name)
            self._gates.clear(daemon)
        return sorted(reaped)

    # ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _container(self, job: Job) -> str:
        return f"galley-{job.job}-{digest([self._store, label(job)])[:16]}"

    def _served(self, daemon: Any, handle: str) -> str:
        """The handle, once the job has its way to the store."""
        self._gates.serve(daemon, handle)
        return handle

    def _create(self, daemon: Any, job: Job, config: dict[str, Any]) -> str:
        """Make the job's container; "" where its name was taken meanwhile."""
        try:
            return str(daemon.create_container_from_config(config, self._container(job))["Id"])
        except api_error("APIError") as error:
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
        known = inspect(daemon, handle)
        if known is not None and (known["Config"]["Labels"] or {}).get("galley.store") != self._store:
            raise JobSpecError(f"{handle!r} is not the handle of a docker job: the container is not of this store")
        return known

    def _retire(self, daemon: Any, job: Job, ended: dict[str, Any]) -> None:
        """Free the name that an ended container holds; the one before it goes."""
        filters = {"label": [f"galley.store={self._store}", f"galley.job={label(job)}"], "status": ["exited", "dead"]}
        for listed in daemon.containers(all=True, filters=filters):
            if listed["Id"] != ended["Id"]:
                remove(daemon, listed["Id"])
        with suppress(api_error("APIError")):  # another submitter was faster
            daemon.rename(ended["Id"], f"{self._container(job)}.{ended['Id'][:12]}")

    def _config(self, daemon: Any, job: Job, uri: str) -> dict[str, Any]:
        info = daemon.info()
        check_daemon(info, files=not self._gates.needed)
        granted = access(job, uri, self._zones, self._settings.hub_cache)
        image = self._generation if job.command in ("generate", "numerics") else self._compliance
        # By id: whatever the name stands for a moment later, this one was looked at.
        image_id = find_image(daemon, image)["Id"]
        wanted = job.resources
        user, group = job_user()
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
            device_requests=[device_request(**device) for device in devices],
        )
        config: dict[str, Any] = daemon.create_container_config(
            image=image_id,
            command=["python", "-m", "galley.worker", job.command, "--job", uri],
            entrypoint=[],
            user=f"{user}:{group}",
            environment=job_environment(self._settings, self._zones, gate=self._gates.needed),
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

    def _mounts(self, granted: Access) -> list[dict[str, Any]]:
        if self._gates.needed:
            granted = replace(granted, objects=(), folders=(), outputs=())  # the models stay
        bound = [
            {"Type": "bind", "Source": str(mount.path), "Target": str(mount.path), "ReadOnly": mount.read_only}
            for mount in local_mounts(granted, self._zones)
        ]
        return [*bound, self._gates.volume()] if self._gates.needed else bound
