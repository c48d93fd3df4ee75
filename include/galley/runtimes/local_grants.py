"""What a job may touch of this machine's files, as paths to mount: for stores that are directories."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from galley.errors import JobSpecError
from galley.runtimes.access import Access
from galley.runtimes.sealed import GATE_USER
from galley.storage import Zones
from galley.storage.local import local_root

UNPRIVILEGED = 10001
"""User and group of jobs where we are root ourselves; the images' own."""


@dataclass(frozen=True)
class Mount:
    """A file or folder that a job sees where it lies here.

    Attributes:
        path: here and inside.
        read_only: whether the job cannot write there.
    """

    path: Path
    read_only: bool


def job_user() -> tuple[int, int]:
    """User and group that jobs run as: ours, so that we can read what they write, but never root.

    Raises `JobSpecError` where we are the gates' user, whose secrets a job would read.
    """
    if os.geteuid() == 0:
        return UNPRIVILEGED, UNPRIVILEGED
    if os.geteuid() == GATE_USER:
        raise JobSpecError(f"user {GATE_USER} is the gates' own, and jobs would run as it; run Airflow as another user")
    return os.geteuid(), os.getegid()


def local_mounts(granted: Access, zones: Zones) -> list[Mount]:
    """The mounts of a job, by path; folders that it writes into are made. What is not there yet grants nothing.

    Raises `JobSpecError` where a path leads elsewhere, or the store is not a directory.
    """
    writable = [_path(uri, zones) for uri in granted.outputs]
    for path in writable:
        path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            _give_away(path)
    readable = [_path(uri, zones) for uri in (*granted.objects, *granted.folders)]
    mounts = dict.fromkeys(writable, False)
    mounts |= {path: True for path in (*readable, *granted.models) if path.exists()}
    return [Mount(path, read_only) for path, read_only in sorted(mounts.items())]


def _path(uri: str, zones: Zones) -> Path:
    """The path of a URI. A job may have put links into its folders, and whoever mounts would follow them."""
    store, key = zones.resolve(uri)
    path = local_root(store.url) / key
    if path.exists() and path.resolve() != local_root(store.url).resolve() / key:
        raise JobSpecError(f"{path} leads to {path.resolve()}; nothing in a store may be a link: remove it")
    return path


def _give_away(path: Path) -> None:
    """Let the jobs' user write into a folder and those below. Files stay: they are replaced, never changed."""
    for _, _, _, folder in os.fwalk(path):
        os.fchown(folder, UNPRIVILEGED, UNPRIVILEGED)
