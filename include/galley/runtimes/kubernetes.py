"""Jobs as pods of a Kubernetes cluster, each sealed in with what its specification names and nothing else.

A job's executions are pods numbered one after the other; a name is given away once, which is what keeps two executions
from being begun at once. One that has ended stays, with log and exit code, until the execution after the next or for a
day (`KubernetesRuntime.reap`). What a pod is made of says `galley.runtimes.kubernetes_pod`.

A store on this machine (``file:///``) reaches pods by claims that hold the same files (``GALLEY_KUBERNETES_VOLUMES``).
A store in S3 reaches them by the gate beside the job, which has the credentials of the secret
``GALLEY_KUBERNETES_STORE_SECRET``.

Known limits: no API bounds a pod's processes, so the kubelet's ``podPidsLimit`` must; and network policies
(``docker/kubernetes``) hold where the cluster's network plugin enforces them. The grace of a cancelled pod is that of
its specification (`kubernetes_pod.GRACE_SECONDS`).
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from galley.errors import JobInterrupted, JobSpecError
from galley.items import Job, digest
from galley.runtimes.access import access
from galley.runtimes.base import JobStatus, LogChunk, label
from galley.runtimes.kubernetes_api import Access, Pods, Taken, pods
from galley.runtimes.kubernetes_pod import (
    GRACE_SECONDS,
    JOB,
    Gate,
    PodParts,
    job_key,
    manifest,
    merge,
)
from galley.runtimes.kubernetes_state import LOST_SECONDS, PodState, ended_at, seconds_since, state, utc_now
from galley.runtimes.local_grants import job_user, local_mounts
from galley.runtimes.sealed import gate_command, gate_environment, job_environment, store_in_s3
from galley.runtimes.stamped_log import SECOND, after, nanoseconds
from galley.settings import Settings
from galley.storage import Zones

ENDED_SECONDS = 86_400.0
"""How long the reaper leaves an ended pod."""
SKEW_SECONDS = 60
"""By how much clocks of nodes and ours may differ before log lines are passed over."""
POLL_SECONDS = 0.2
Adapt = Callable[[dict[str, Any]], dict[str, Any]]
_HANDLE = re.compile(r"(galley-[a-z0-9-]{1,56})/([0-9a-f-]{36})")


class KubernetesRuntime:
    """A `galley.runtimes.base.Runtime` of pods. Handles are ``<name>/<uid>``, as a name comes back and a uid never."""

    name = "kubernetes"

    def __init__(self, settings: Settings, access: Access | None = None, adapt: Adapt | None = None) -> None:
        """Serve the jobs of an installation.

        ``generate`` and ``numerics`` jobs run in its generation image, all others in its compliance image. Raises
        `JobSpecError` where its pod template is no manifest of a pod.

        Args:
            settings: the installation's.
            access: the way to the cluster; default: see `Access`.
            adapt: is given each pod's manifest before the pod is made, and gives one that may have more, as a template
                has: what makes the pod a job's, and seals it, holds whatever it says.
        """
        self._settings, self._zones = settings, Zones.from_settings(settings)
        self._generation, self._compliance = settings.image("generation"), settings.image("compliance")
        self._namespace, self._start_timeout = settings.kubernetes_namespace, settings.kubernetes_start_timeout
        self._template, self._access, self._adapt = _template(settings.kubernetes_pod_template), access, adapt
        # Two installations may have runs of one name in one namespace.
        self._store = digest(self._zones.work.url)[:16]

    @classmethod
    def from_settings(cls, settings: Settings) -> KubernetesRuntime:
        """The installation's."""
        return cls(settings)

    def environment(self) -> str:
        """The name of the generation image; see `Runtime.environment`. Only a digest in it names bytes for ever."""
        return digest(["kubernetes", self._generation])

    def submit(self, job: Job, uri: str) -> str:
        """Start the job, or find it under way. See `Runtime.submit`."""
        parts: PodParts | None = None
        with self._pods() as cluster:
            for _ in range(20):
                known = self._executions(cluster, job)
                if under_way := self._under_way(known):
                    return _handle(under_way)
                number = 1 + max((_number(pod) for pod in known), default=0)
                parts = parts or self._parts(job, uri)
                wanted = manifest(job, number, parts)
                try:
                    made = cluster.create(merge(self._adapt(wanted), wanted) if self._adapt else wanted)
                except Taken:
                    continue  # another submitter was faster
                for pod in known[:-1]:
                    cluster.delete(pod["metadata"]["name"], pod["metadata"]["uid"])
                return _handle(made)
        raise JobInterrupted(f'job "{label(job)}" is being started by another process; try again')

    def find(self, job: Job) -> str | None:
        """The handle of the job's execution under way, or None."""
        with self._pods() as cluster:
            found = self._under_way(self._executions(cluster, job))
        return None if found is None else _handle(found)

    def status(self, handle: str) -> JobStatus:
        """Where the execution stands; a pod that is gone has ended with nobody knowing how.

        A pod that cannot begin, or has not in time, is removed.

        Raises:
            JobSpecError: it can never begin: no image of this name, no program in it.
            JobInterrupted: it has not begun in time; the message has the cluster's reason.
        """
        with self._pods() as cluster:
            pod = self._known(cluster, handle)
            if pod is None:
                return JobStatus("ended", None)
            now = state(pod, utc_now())
            if not now.begun and (now.hopeless or (not now.ended and self._overdue(pod))):
                cluster.delete(pod["metadata"]["name"], pod["metadata"]["uid"])
                raise self._cannot_begin(pod, now)
        return JobStatus("ended", now.exit_code) if now.ended else JobStatus("running")

    def logs(self, handle: str, cursor: int = 0) -> LogChunk:
        """Whole lines after ``cursor``, the node's time stamp of the last line in nanoseconds."""
        with self._pods() as cluster:
            pod = self._known(cluster, handle)
            if pod is None:
                return LogChunk((), cursor)
            ended = state(pod, utc_now()).ended
            seconds = math.ceil(time.time() - cursor / SECOND) + SKEW_SECONDS if cursor else None
            text = cluster.log(pod["metadata"]["name"], JOB, seconds)
        return after(_lines(text or b"", ended=ended), cursor)

    def cancel(self, handle: str, grace: float = GRACE_SECONDS) -> None:
        """SIGTERM to the worker, SIGKILL to all of its container after the grace of its specification."""
        with self._pods() as cluster:
            deadline = time.monotonic() + max(grace, GRACE_SECONDS) + LOST_SECONDS
            while (pod := self._known(cluster, handle)) is not None and not state(pod, utc_now()).ended:
                name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
                if "startTime" not in pod.get("status", {}):
                    cluster.delete(name, uid)  # no kubelet has it
                elif pod["spec"].get("activeDeadlineSeconds") != 1:
                    cluster.end(name)
                if time.monotonic() > deadline:
                    raise JobInterrupted(f"pod {name} does not end; look at its node {pod['spec'].get('nodeName')}")
                time.sleep(POLL_SECONDS)

    def reap(self, wanted: Callable[[str], bool], *, older_than: float = ENDED_SECONDS) -> list[str]:
        """Remove what was left of this installation's jobs, and return the labels of their jobs.

        Args:
            wanted: whether somebody still waits for the job of a label, ``<run>/<job>``; where not, a pod under way is
                ended and removed.
            older_than: seconds; a pod whose job ended longer ago is removed.
        """
        reaped = []
        with self._pods() as cluster:
            for pod in cluster.list({"galley.store": self._store}):
                name, now = pod["metadata"]["annotations"]["galley.job"], utc_now()
                if not state(pod, now).ended:
                    if wanted(name):
                        continue
                    self.cancel(_handle(pod))
                elif seconds_since(ended_at(pod), now) < older_than:
                    continue
                cluster.delete(pod["metadata"]["name"], pod["metadata"]["uid"])
                reaped.append(name)
        return sorted(reaped)

    def _pods(self) -> AbstractContextManager[Pods]:
        return pods(self._namespace, self._access)

    def _executions(self, cluster: Pods, job: Job) -> list[dict[str, Any]]:
        """The job's pods, the newest last."""
        return sorted(cluster.list({"galley.key": job_key(job, self._store)}), key=_number)

    def _under_way(self, known: list[dict[str, Any]]) -> dict[str, Any] | None:
        return next((pod for pod in reversed(known) if not state(pod, utc_now()).ended), None)

    def _known(self, cluster: Pods, handle: str) -> dict[str, Any] | None:
        found = _HANDLE.fullmatch(handle)
        if found is None:
            raise JobSpecError(f"{handle!r} is not the handle of a kubernetes job")
        name, uid = found.groups()
        pod = cluster.get(name)
        if pod is None or pod["metadata"]["uid"] != uid:
            return None
        if pod["metadata"].get("labels", {}).get("galley.store") != self._store:
            raise JobSpecError(f"{handle!r} is not the handle of a kubernetes job: the pod is not of this store")
        return pod

    def _overdue(self, pod: dict[str, Any]) -> bool:
        return seconds_since(pod["metadata"]["creationTimestamp"], utc_now()) > self._start_timeout

    def _cannot_begin(self, pod: dict[str, Any], now: PodState) -> JobSpecError | JobInterrupted:
        name = pod["metadata"]["annotations"]["galley.job"]
        image = next(each["image"] for each in pod["spec"]["containers"] if each["name"] == JOB)
        if now.hopeless:
            return JobSpecError(
                f'job "{name}" cannot begin, image "{image}": {now.why}; push it where the nodes pull from, '
                "or set GALLEY_REGISTRY or GALLEY_IMAGE_GENERATION and GALLEY_IMAGE_COMPLIANCE"
            )
        return JobInterrupted(
            f'job "{name}" did not begin within {self._start_timeout:g} seconds, image "{image}": '
            f"{now.why or 'nothing says why'}; GALLEY_KUBERNETES_START_TIMEOUT sets how long a pod may wait"
        )

    def _parts(self, job: Job, uri: str) -> PodParts:
        settings, in_s3, gate = self._settings, store_in_s3(self._settings), None
        granted = access(job, uri, self._zones, settings.hub_cache)
        if in_s3:
            granted = replace(granted, objects=(), folders=(), outputs=())  # the models stay
            gate = Gate(
                command=gate_command(uri),
                environment=gate_environment(settings, self._zones),
                secret=settings.kubernetes_store_secret,
                image=self._compliance,  # a generation image may be anybody's
            )
        return PodParts(
            uri=uri,
            image=self._generation if job.command in ("generate", "numerics") else self._compliance,
            store=self._store,
            user=job_user(),
            environment=job_environment(settings, self._zones, gate=in_s3),
            mounts=local_mounts(granted, self._zones),
            volumes=settings.kubernetes_volumes,
            gate=gate,
            template=self._template,
        )


def _handle(pod: dict[str, Any]) -> str:
    return f"{pod['metadata']['name']}/{pod['metadata']['uid']}"


def _number(pod: dict[str, Any]) -> int:
    return int(pod["metadata"]["labels"]["galley.number"])


def _lines(text: bytes, *, ended: bool) -> list[tuple[int, str]]:
    """Stamps in nanoseconds and lines. A line that has no end yet is left for later, unless the job has ended."""
    lines = text.split(b"\n")
    last = lines.pop()
    if last and ended:
        lines.append(last)
    found = []
    for line in lines:
        stamp, _, rest = line.partition(b" ")
        with suppress(ValueError):  # the kubelet's own words about a log it cannot read have no stamp
            found.append((nanoseconds(stamp.decode()), rest.decode(errors="replace") + "\n"))
    return found


def _template(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise JobSpecError(f"GALLEY_KUBERNETES_POD_TEMPLATE: {path} cannot be read: {error}") from error
    if not isinstance(found, dict) or found.get("kind") != "Pod" or not isinstance(found.get("spec", {}), dict):
        raise JobSpecError(
            f"GALLEY_KUBERNETES_POD_TEMPLATE: {path} is no manifest of a Pod (apiVersion: v1, kind: Pod)"
        )
    return found
