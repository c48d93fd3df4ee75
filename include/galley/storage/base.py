"""What Galley asks of an object store. Implementations pass one conformance suite, `tests/storage/conformance.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from galley.errors import StoreError

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+@-]*(/[A-Za-z0-9][A-Za-z0-9._=+@-]*)*")
MAX_KEY = 512


@dataclass(frozen=True)
class ObjectInfo:
    """What a listing or a head says of an object.

    Attributes:
        key: path below the store's URL.
        size: bytes.
        version: changes whenever the bytes change (an ETag, or what stands in for one); opaque.
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
        created: False where the key already held these very bytes (or our own earlier try had won).
    """

    sha256: str
    size: int
    created: bool


class ObjectStore(Protocol):
    """A flat, strongly consistent map from keys to immutable bytes.

    Every write either returns (committed), raises `ObjectExists` or `StoreUnavailable` (not committed), or, only after
    reading back and comparing sha256 failed as well, raises `WriteUnknown`.
    """

    url: str
    """``file:///dir`` or ``s3://bucket/prefix``; an object's URI is this, a slash and its key."""

    def put(self, key: str, data: bytes | BinaryIO | Iterable[bytes]) -> Written:
        """Write or replace atomically: readers see the old bytes or the new. A stream is not held in memory."""

    def put_if_absent(self, key: str, data: bytes) -> Written:
        """Write unless the key exists. Among racing writers of different bytes exactly one returns.

        Raises `ObjectExists` where the key holds other bytes. Writers that must know who won put a token of their own
        into the bytes: the same bytes under the key count as committed.
        """

    def get(self, key: str, *, sha256: str | None = None) -> bytes:
        """The bytes; raises `ObjectNotFound`, or `IntegrityError` where they do not have the given sha256."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A stream over the bytes, for objects too large to hold. Raises `ObjectNotFound`."""

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object, or None where there is none."""

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with ``prefix`` and is greater than ``after`` (a cursor), in order of keys."""

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none."""


def check_key(key: str) -> str:
    """Return ``key`` if it is safe as a path and as an S3 key, else raise `StoreError`."""
    if len(key) > MAX_KEY or not _KEY.fullmatch(key):
        raise StoreError(
            f"object key {key[:80]!r} is not allowed: letters, digits and . _ = + @ - in parts that begin with a "
            f"letter or digit, parted by single slashes, at most {MAX_KEY} characters"
        )
    return key
