"""The pod of a job, as a manifest: as the ``restricted`` Pod Security profile wants it, with the job's grants alone.

It has the job's container and, where the store is in S3, the gate beside it (`galley.runtimes.gate`), which alone has
the store's credentials and runs as another user. A pod template adds what a cluster needs (node selectors, tolerations,
pull secrets, a service account, annotations). Where both say something, this module's word holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from galley.errors import JobSpecError
from galley.items import Job, digest
from galley.runtimes.base import label
from galley.runtimes.local_grants import Mount
from galley.runtimes.sealed import GATE_FOLDER, GATE_SOCKET, GATE_USER

JOB, GATE = "job", "gate"
"""Names of the containers."""
GPU = "nvidia.com/gpu"
"""The extended resource that GPUs are, and the taint that keeps others from their nodes."""
GRACE_SECONDS = 20
"""Between SIGTERM and SIGKILL."""
GATE_MILLICORES = 50
"""Of a core, for the gate: what its job asks for less."""
TMP = "1Gi"
"""Of ``/tmp``; what is in it counts as the job's memory."""
_NAMED_BY = {"volumeMounts": "mountPath", "tolerations": ""}
_HARMLESS = {"fsGroup", "fsGroupChangePolicy", "supplementalGroups"}
"""What a template may add to a security context."""


@dataclass(frozen=True)
class Gate:
    """What stands between a job and its store.

    Attributes:
        command: of its container.
        environment: where the store is; the credentials come from ``secret``.
        secret: of the namespace; its keys are environment variables.
        image: that has Galley.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    secret: str
    image: str


@dataclass(frozen=True)
class PodParts:
    """What a pod is made of, beside its job.

    Attributes:
        uri: of the job's specification.
        image: the worker's.
        store: digest of the installation's store: what tells installations in one namespace apart.
        user: and group of the job.
        environment: all that the worker is told.
        mounts: what it sees of the installation's files.
        volumes: claim to the directory in which it is mounted here.
        gate: for a store in S3.
        template: a pod's manifest to start from.
    """

    uri: str
    image: str
    store: str
    user: tuple[int, int]
    environment: Mapping[str, str]
    mounts: Sequence[Mount]
    volumes: Mapping[str, Path]
    gate: Gate | None
    template: Mapping[str, Any]


def job_key(job: Job, store: str) -> str:
    """What names a job among all of all installations, short enough for a label: 32 hexadecimal digits."""
    return digest([store, label(job)])[:32]


def pod_name(job: Job, store: str, number: int) -> str:
    """Name of the job's execution of a number; a host name, so at most 63 characters."""
    readable = job.job.replace("_", "-")[:24].rstrip("-")
    return f"galley-{readable}-{job_key(job, store)[:16]}-{number}"


def manifest(job: Job, number: int, parts: PodParts) -> dict[str, Any]:
    """The pod. Raises `JobSpecError` where a mount lies in no volume that pods see."""
    user, group = parts.user
    claims, mounts = _claimed(parts.mounts, parts.volumes)
    limits: dict[str, Any] = {"cpu": f"{job.resources.cpu:g}", "memory": str(job.resources.memory_bytes)}
    if job.resources.gpu:
        limits[GPU] = str(job.resources.gpu)
    # Pod and job ask for the same: a job of as many cores as a node has must fit it with its gate.
    requests = limits | (
        {} if parts.gate is None else {"cpu": f"{max(1, round(job.resources.cpu * 1000) - GATE_MILLICORES)}m"}
    )
    worker = {
        "name": JOB,
        "image": parts.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "galley.worker", job.command, "--job", parts.uri],
        "args": [],
        "workingDir": "/tmp",  # noqa: S108 - the container's
        "env": [{"name": name, "value": value} for name, value in sorted(parts.environment.items())],
        "resources": {"limits": limits, "requests": requests},
        "securityContext": _sealed(user, group),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, *mounts],  # noqa: S108
    }
    volumes = [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": TMP}}, *claims]
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        # Else the worker would be process 1, which takes no signal that it has no handler for.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [worker],
        "volumes": volumes,
    }
    if job.resources.gpu:
        spec["tolerations"] = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
    if parts.gate is not None:
        shared = {"name": "gate", "mountPath": GATE_FOLDER}
        worker["volumeMounts"].append({**shared, "readOnly": True})  # type: ignore[attr-defined]
        volumes.append({"name": "gate", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}})
        spec["initContainers"] = [_gate(parts.gate, shared)]
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(job, parts.store, number),
            "labels": {
                "app.kubernetes.io/name": "galley",
                "galley.job": _label_value(job.job),
                "galley.command": _label_value(job.command),
                "galley.key": job_key(job, parts.store),
                "galley.store": parts.store,
                "galley.network": "none" if parts.gate is None else "store",
                "galley.number": str(number),
            },
            "annotations": {"galley.job": label(job), "galley.spec": parts.uri},
        },
        "spec": spec,
    }
    merged: dict[str, Any] = merge(parts.template, made)
    return merged


def merge(under: Any, over: Any, field: str = "") -> Any:
    """``over`` laid upon ``under``: mappings by key, lists by the names of their members, else ``over`` alone."""
    if field == "securityContext":
        return {key: value for key, value in under.items() if key in _HARMLESS} | dict(over)
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        return {
            key: merge(under[key], over[key], key) if key in under and key in over else over.get(key, under.get(key))
            for key in [*under, *(key for key in over if key not in under)]
        }
    by = _NAMED_BY.get(field, "name")
    if not by and isinstance(under, list) and isinstance(over, list):
        return [*under, *(each for each in over if each not in under)]
    if _named(under, by) and _named(over, by):
        mine = {each[by]: each for each in over}
        theirs = {each[by]: each for each in under}
        kept = [each for each in under if each[by] not in mine]
        return [*(merge(theirs.get(name, {}), each) for name, each in mine.items()), *kept]
    return over


def _named(value: Any, by: str) -> bool:
    return isinstance(value, list) and all(isinstance(each, Mapping) and by in each for each in value) and bool(value)


def _claimed(mounts: Sequence[Mount], volumes: Mapping[str, Path]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Volumes and mounts. A claim is one volume, for a kubelet waits for ever for a second one of the same claim."""
    names: dict[str, str] = {}
    made = []
    for mount in mounts:
        claim, below = _place(mount.path, volumes)
        name = names.setdefault(claim, f"claim-{len(names)}")
        where = {"name": name, "mountPath": str(mount.path), "readOnly": mount.read_only}
        made.append(where if below == "." else {**where, "subPath": below})
    return [{"name": name, "persistentVolumeClaim": {"claimName": claim}} for claim, name in names.items()], made


def _place(path: Path, volumes: Mapping[str, Path]) -> tuple[str, str]:
    around = [(len(root.parts), claim, root) for claim, root in volumes.items() if path.is_relative_to(root)]
    if not around:
        raise JobSpecError(
            f"pods do not see {path}; set GALLEY_KUBERNETES_VOLUMES to a claim of their namespace and the directory "
            'here that holds what is in it, for example {"galley-store": "/srv/galley"}, or use a store in S3'
        )
    _, claim, root = max(around)
    return claim, str(path.relative_to(root))


def _sealed(user: int, group: int) -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _gate(gate: Gate, shared: dict[str, Any]) -> dict[str, Any]:
    """A sidecar: it is up before the job begins, and is ended after it."""
    return {
        "name": GATE,
        "restartPolicy": "Always",
        "image": gate.image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(gate.command),
        "args": [],
        "env": [{"name": name, "value": value} for name, value in sorted(gate.environment.items())],
        "envFrom": [{"secretRef": {"name": gate.secret}}],
        "resources": {
            "limits": {"cpu": "1", "memory": str(256 * 2**20)},
            "requests": {"cpu": f"{GATE_MILLICORES}m", "memory": str(128 * 2**20)},
        },
        "securityContext": _sealed(GATE_USER, GATE_USER),
        "volumeMounts": [shared],
        "startupProbe": {
            "exec": {"command": ["test", "-S", GATE_SOCKET]},
            "periodSeconds": 1,
            "failureThreshold": 120,
        },
    }


def _label_value(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:63].strip("._-")
