"""Bytes on their way into a store, measured while they pass, and on their way out, verified."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast

from galley.errors import IntegrityError, StoreUnavailable

CHUNK = 1 << 20
"""Bytes read at a time."""


class StreamFailed(Exception):
    """Carries an error of the caller's own stream past the code that maps the errors of a store."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class Readable(Protocol):
    """The one method that a body needs."""

    def read(self, size: int = -1, /) -> bytes | None:
        """At most ``size`` bytes, and none at the end."""


@dataclass(frozen=True)
class Body:
    """An object as one try at reading it delivers it.

    Attributes:
        stream: the bytes.
        size: how many there must be, as the store announced it beforehand.
    """

    stream: Readable
    size: int


class Source:
    """What is to be written. Iterating gives the chunks from the beginning and measures them.

    Attributes:
        length: bytes, where it is known beforehand, else None.
        rewindable: whether it can be iterated again.
        started: a first chunk was asked for.
        exhausted: the last iteration came to the end, so that ``sha256`` and ``size`` are those of the whole.
    """

    def __init__(self, data: bytes | BinaryIO | Iterable[bytes]) -> None:
        self.length: int | None = None
        self.rewindable = True
        self.started = self.exhausted = False
        self._data = data
        self._start = 0
        self._hash = hashlib.sha256()
        self.size = 0
        if isinstance(data, (bytes, bytearray, memoryview)):
            self._data = bytes(data)
            self.length = len(self._data)
        elif isinstance(data, str):
            raise TypeError("an object's data is bytes; encode the text first")
        elif hasattr(data, "read"):
            stream = cast(BinaryIO, data)
            self.rewindable = stream.seekable()
            if self.rewindable:
                self._start = stream.tell()
                self.length = stream.seek(0, io.SEEK_END) - self._start
                stream.seek(self._start)
        else:
            self.rewindable = False

    @property
    def sha256(self) -> str:
        """Hex digest of what was iterated."""
        return self._hash.hexdigest()

    @property
    def can_send(self) -> bool:
        """Whether a (further) try is possible."""
        return self.rewindable or not self.started

    def __iter__(self) -> Iterator[bytes]:
        if not self.can_send:
            raise RuntimeError("a one-shot stream cannot be read twice")
        self.started, self.exhausted = True, False
        self._hash, self.size = hashlib.sha256(), 0
        chunks = self._chunks()
        while True:
            try:
                chunk = next(chunks, None)
            except Exception as error:
                raise StreamFailed(error) from error
            if chunk is None:
                break
            self._hash.update(chunk)
            self.size += len(chunk)
            yield chunk
        self.exhausted = True

    def _chunks(self) -> Iterator[bytes]:
        data = self._data
        if isinstance(data, bytes):
            if data:
                yield data
        elif hasattr(data, "read"):
            stream = cast(BinaryIO, data)
            if self.rewindable:
                stream.seek(self._start)
            while chunk := stream.read(CHUNK):
                yield chunk
        else:
            yield from (chunk for chunk in data if chunk)


class VerifyingReader(io.RawIOBase):
    """A stream over a `Body` that ends only where it should.

    Raises `StoreUnavailable` where the body is shorter or longer than announced, and `IntegrityError`, in place of the
    last bytes, where the whole does not have the given sha256.
    """

    def __init__(self, body: Body, name: str, sha256: str | None = None) -> None:
        super().__init__()
        self._body, self._name, self._sha256 = body, name, sha256
        self._hash = hashlib.sha256() if sha256 is not None else None
        self._seen = 0
        if body.size == 0:
            self._finish()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill ``buffer`` from the body."""
        try:
            chunk = self._body.stream.read(len(buffer)) or b""
        except OSError as error:
            raise StoreUnavailable(f"{self._name}: reading broke off after {self._seen} bytes: {error}") from error
        if not chunk and self._seen < self._body.size:
            raise StoreUnavailable(f"{self._name}: the body ended after {self._seen} of {self._body.size} bytes")
        self._seen += len(chunk)
        if self._seen > self._body.size:
            raise StoreUnavailable(f"{self._name}: the body is longer than the announced {self._body.size} bytes")
        if self._hash is not None and chunk:
            self._hash.update(chunk)
            if self._seen == self._body.size:
                self._finish()
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def readall(self) -> bytes:
        """The rest, in large steps."""
        return b"".join(iter(lambda: self.read(CHUNK) or b"", b""))

    def _finish(self) -> None:
        if self._hash is not None and (found := self._hash.hexdigest()) != self._sha256:
            raise IntegrityError(
                f"{self._name}: the bytes have sha256 {found}, recorded is {self._sha256}; "
                "they were changed or damaged: make the object anew"
            )
