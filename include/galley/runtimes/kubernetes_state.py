"""Where a pod's job stands, read off what the API server says of the pod. Pure; pods are decoded JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from galley.runtimes.kubernetes_pod import JOB

LOST_SECONDS = 120.0
"""After a deleted pod should be gone, until it counts as ended: its node is gone, and only it could say more."""
_HOPELESS = {"InvalidImageName", "ErrImageNeverPull"}
_NEVER_BEGAN = {"StartError", "ContainerCannotRun"}


@dataclass(frozen=True)
class PodState:
    """Where the job of a pod stands.

    Attributes:
        ended: whether it has.
        exit_code: of an ended one; None where nobody recorded it.
        begun: whether the job's container runs or ran.
        why: of one that has not begun, or could not: what it waits for, in the cluster's words.
        hopeless: waiting longer cannot help.
    """

    ended: bool
    exit_code: int | None = None
    begun: bool = False
    why: str = ""
    hopeless: bool = False


def state(pod: dict[str, Any], now: datetime) -> PodState:
    """Where the pod's job stands at ``now``."""
    status = pod.get("status", {})
    job = _container(status.get("containerStatuses"), JOB)
    if terminated := job.get("terminated"):
        if terminated.get("reason") in _NEVER_BEGAN:
            return PodState(True, None, why=f"{terminated['reason']}: {terminated.get('message', '')}", hopeless=True)
        return PodState(True, int(terminated["exitCode"]), begun=True)
    if status.get("phase") in ("Succeeded", "Failed"):
        return PodState(True, None, begun="running" in job, why=_text(status))
    deleted = pod["metadata"].get("deletionTimestamp")
    if deleted and seconds_since(deleted, now) > LOST_SECONDS:
        return PodState(True, None, begun="running" in job, why="its node is gone")
    if "running" in job:
        return PodState(False, begun=True)
    reasons = list(_waiting(status))
    return PodState(
        False, why="; ".join(map(_text, reasons)), hopeless=any(r.get("reason") in _HOPELESS for r in reasons)
    )


def seconds_since(stamp: str, now: datetime) -> float:
    """Seconds from a time that the API server wrote until ``now``."""
    return (now - datetime.fromisoformat(stamp.replace("Z", "+00:00"))).total_seconds()


def ended_at(pod: dict[str, Any]) -> str:
    """When its job ended, or when the pod was made where nobody knows."""
    job = _container(pod.get("status", {}).get("containerStatuses"), JOB)
    found = job.get("terminated", {}).get("finishedAt")
    return str(found or pod["metadata"]["creationTimestamp"])


def utc_now() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


def _container(statuses: list[dict[str, Any]] | None, name: str) -> dict[str, Any]:
    """``running``, ``waiting`` or ``terminated`` of a container, with what is known of it."""
    found = next((each for each in statuses or () if each["name"] == name), {})
    state: dict[str, Any] = found.get("state") or {}
    return state


def _waiting(status: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What keeps the pod: a node that has room, then images and volumes."""
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            yield condition
    for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        state = each.get("state") or {}
        why = state.get("waiting") or (each.get("lastState") or {}).get("terminated")
        if why and why.get("reason") not in ("PodInitializing", "ContainerCreating"):
            yield why


def _text(reason: dict[str, Any]) -> str:
    return ": ".join(part for part in (reason.get("reason"), reason.get("message")) if part)
