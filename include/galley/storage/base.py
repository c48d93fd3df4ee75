"""What Galley asks of an object store. Implementations pass one conformance suite, `tests/storage/conformance.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol, runtime_checkable
from urllib.parse import urlsplit

from galley.errors import StoreError

_PART = r"[A-Za-z0-9][A-Za-z0-9._=+@-]*"
_KEY = re.compile(rf"{_PART}(/{_PART})*")
_PREFIX = re.compile(rf"({_PART}/)*({_PART})?")
MAX_KEY = 512
"""Characters of a key; S3 takes 1024, of which a bucket prefix may use half."""
MAX_PART = 255
"""Characters between two slashes: what file systems take as a name."""


@dataclass(frozen=True)
class ObjectInfo:
    """What a listing or a head says of an object.

    Attributes:
        key: path below the store's URL.
        size: bytes.
        version: changes whenever the bytes change, and in S3 and on a disk also when the same are written again, a
            second or more later; opaque.
        modified: time of the last write as the store tells it, aware, UTC. Never used to decide what is newest.
    """

    key: str
    size: int
    version: str
    modified: datetime


@dataclass(frozen=True)
class Written:
    """A write that is certainly in the store.

    Attributes:
        sha256: hex digest of the bytes under the key.
        size: bytes.
        created: True where this very call is known to have written them; False where the key already held these
            very bytes, or an earlier try of ours had won without our learning of it.
    """

    sha256: str
    size: int
    created: bool


class ObjectStore(Protocol):
    """A flat map from keys to immutable bytes. What `get`, `open` and `head` say is current; a listing may lag behind.

    Every write either returns (committed), raises `ObjectExists` or `StoreUnavailable` (not committed), or, only after
    reading back and comparing sha256 failed as well, raises `WriteUnknown`.

    Keys are compared byte by byte. A key may not also be a folder: where ``a`` is an object, ``a/b`` cannot be one.
    Stores on file systems refuse the second with `StoreError`, S3 may take it; nothing should rely on either.
    """

    @property
    def url(self) -> str:
        """``file:///dir`` or ``s3://bucket/prefix``; an object's URI is this, a slash and its key."""

    def put(self, key: str, data: bytes | BinaryIO | Iterable[bytes]) -> Written:
        """Write or replace atomically: readers see the old bytes or the new. A stream is not held in memory.

        Bytes and seekable files are sent again where a try failed; any other stream can be read only once, so its
        first failure is the caller's. Of several writers racing on one key any may be the last.
        An error of the stream itself is raised as it is, and nothing is written.
        """

    def put_if_absent(self, key: str, data: bytes) -> Written:
        """Write unless the key exists. Among racing writers of different bytes exactly one returns.

        Raises `ObjectExists` where the key holds other bytes. Writers that must know who won put a token of their own
        into the bytes: the same bytes under the key count as committed.
        """

    def get(self, key: str, *, sha256: str | None = None) -> bytes:
        """The bytes; raises `ObjectNotFound`, or `IntegrityError` where they do not have the given sha256."""

    def open(self, key: str, *, sha256: str | None = None) -> AbstractContextManager[BinaryIO]:
        """A stream over the bytes, for objects too large to hold; it cannot seek. Raises `ObjectNotFound`.

        A body that ends early raises `StoreUnavailable`. With ``sha256`` the last bytes are given out only if the
        whole has that digest, else `IntegrityError`: trust nothing of a stream that was not read to its end.
        """

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object, or None where there is none."""

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with ``prefix`` and is greater than ``after`` (a cursor), in order of keys.

        A listing may be stale: it can leave out what was written a moment ago and show what was just deleted. Where
        that matters, ask for the single key.
        """

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""


@runtime_checkable
class TellsOfWrites(Protocol):
    """What some stores do besides: say at once that something was written.

    It is a hint and no more. Of what is written while nobody waits nobody is told: a listing is the truth.
    """

    def wait_for_write(self, prefix: str, seconds: float) -> bool:
        """Wait until an object whose key starts with ``prefix`` is written; False where ``seconds`` went by without.

        Raises `StoreUnavailable` where the server is away, and another `StoreError` where it tells of nothing.
        """


def shown_url(url: str) -> str:
    """A store's URL for people: without what may be a password in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition(":")[0] + ":…"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300]


def check_key(key: str) -> str:
    """Return ``key`` if it is safe as a path and as an S3 key, else raise `StoreError`."""
    if len(key) > MAX_KEY or not _KEY.fullmatch(key) or any(len(part) > MAX_PART for part in key.split("/")):
        raise StoreError(
            f"object key {key[:80]!r} is not allowed: letters, digits and . _ = + @ - in parts that begin with a "
            f"letter or digit, parted by single slashes, at most {MAX_PART} characters a part and {MAX_KEY} in all"
        )
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` if some key can begin with it, else raise `StoreError`: no listing of nothing by mistake."""
    if len(prefix) > MAX_KEY or not _PREFIX.fullmatch(prefix):
        raise StoreError(
            f"key prefix {prefix[:80]!r} is not the beginning of any key: leave it empty, or write it as keys are "
            "written, without a slash in front"
        )
    return prefix
