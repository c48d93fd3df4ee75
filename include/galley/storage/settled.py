"""How every write ends: committed, not committed, or unknown. One piece for all stores.

A store says how to try each operation once (the five ``…_once`` methods). `SettledStore` makes of that the operations
of `ObjectStore`: it tries again what may be tried again, and where the reply to a write was lost it reads back and
compares sha256 before it says anything. A conditional write that is refused may be our own earlier try come home
(clients and servers repeat requests), so a refusal is settled in the same way.
"""

from __future__ import annotations

import hashlib
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, TypeVar, cast

import stamina

from galley.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreUnavailable, WriteUnknown
from galley.storage.base import ObjectInfo, ObjectStore, Written, check_key, check_prefix
from galley.storage.streams import CHUNK, Body, Source, StreamFailed, VerifyingReader

T = TypeVar("T")


@dataclass(frozen=True)
class Retries:
    """How often an operation is tried while the store is unavailable: exponential backoff with jitter (stamina).

    Attributes:
        attempts: tries in all, the first included.
        timeout: seconds after which no further try begins.
        wait_initial: seconds before the second try, doubling from there.
        wait_max: seconds at most between two tries.
        wait_jitter: seconds at most added at random.
    """

    attempts: int = 5
    timeout: float = 45.0
    wait_initial: float = 0.1
    wait_max: float = 5.0
    wait_jitter: float = 1.0

    @classmethod
    def at_once(cls, attempts: int) -> Retries:
        """That many tries without any wait between them."""
        return cls(attempts, wait_initial=0.0, wait_max=0.0, wait_jitter=0.0)


class SettledStore(ABC, ObjectStore):
    """An `ObjectStore` made of operations that are tried once each and may end without a reply.

    A single try raises `StoreUnavailable` where it certainly did nothing, `WriteUnknown` where it may have done it, and
    other `StoreError`\\ s where trying again cannot help. Keys and prefixes are checked before it is called.
    """

    page = 1000
    """Objects asked for at once in a listing."""

    def __init__(self, url: str, retries: Retries) -> None:
        self._url = url
        self._retries = retries

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r})"

    @property
    def url(self) -> str:
        """The store's URL, without a slash at the end."""
        return self._url

    # ── what a store provides ────────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def write_once(self, key: str, source: Source, *, if_absent: bool) -> None:
        """Write all of ``source`` atomically and durably; `ObjectExists` where ``if_absent`` and the key is taken."""

    @abstractmethod
    def open_once(self, key: str) -> AbstractContextManager[Body]:
        """The body as it is now; `ObjectNotFound` where there is none."""

    @abstractmethod
    def head_once(self, key: str) -> ObjectInfo | None:
        """What is known of the object."""

    @abstractmethod
    def list_once(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """As `ObjectStore.list`."""

    @abstractmethod
    def delete_once(self, key: str) -> None:
        """As `ObjectStore.delete`."""

    def harden(self, key: str) -> None:
        """Make durable what reading back has just found; a store whose reads show only durable bytes does nothing."""

    def sweep(self, older_than: float = 86_400.0) -> int:
        """Remove what writes that died more than ``older_than`` seconds ago left; returns how many such there were.

        A write that is still alive and so slow fails; it is never torn. A store where nothing is left does nothing.
        """
        return 0

    # ── what everybody calls ─────────────────────────────────────────────────────────────────────────────────────────

    def put(self, key: str, data: bytes | BinaryIO | Iterable[bytes]) -> Written:
        """As `ObjectStore.put`."""
        return self._write(check_key(key), Source(data), if_absent=False)

    def put_if_absent(self, key: str, data: bytes) -> Written:
        """As `ObjectStore.put_if_absent`."""
        return self._write(check_key(key), Source(data), if_absent=True)

    def get(self, key: str, *, sha256: str | None = None) -> bytes:
        """As `ObjectStore.get`."""
        check_key(key)

        def once() -> bytes:
            with self._reader(key, sha256) as stream:
                return stream.read()

        try:
            return self._retry(once)
        except IntegrityError:
            return self._retry(once)  # The bits may have flipped on the way: a second reading tells.

    @contextmanager
    def open(self, key: str, *, sha256: str | None = None) -> Iterator[BinaryIO]:
        """As `ObjectStore.open`."""
        check_key(key)

        def once() -> tuple[AbstractContextManager[BinaryIO], BinaryIO]:
            reader = self._reader(key, sha256)
            return reader, reader.__enter__()

        reader, stream = self._retry(once)
        try:
            yield stream
        finally:
            reader.__exit__(None, None, None)

    def head(self, key: str) -> ObjectInfo | None:
        """As `ObjectStore.head`."""
        check_key(key)
        return self._retry(lambda: self.head_once(key))

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """As `ObjectStore.list`."""
        return self._pages(check_prefix(prefix), after)

    def delete(self, key: str) -> None:
        """As `ObjectStore.delete`."""
        check_key(key)
        doubt = False

        def once() -> None:
            nonlocal doubt
            try:
                self.delete_once(key)
            except WriteUnknown as error:
                doubt = True
                raise StoreUnavailable(str(error)) from error  # removing again does no harm

        self._settled(key, once, lambda: doubt, lambda error: isinstance(error, StoreUnavailable))

    # ── how ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, key: str, source: Source, *, if_absent: bool) -> Written:
        doubt = False

        def once() -> Written:
            nonlocal doubt
            try:
                self.write_once(key, source, if_absent=if_absent)
            except ObjectExists:
                doubt = True  # a repeated request of our own may have found what its first copy wrote
                return self._settle(key, source, if_absent=True)
            except WriteUnknown:
                doubt = doubt or source.exhausted
                return self._settle(key, source, if_absent=if_absent)
            return Written(source.sha256, source.size, created=True)

        def again(error: Exception) -> bool:
            return isinstance(error, StoreUnavailable) and source.can_send

        try:
            return self._settled(key, once, lambda: doubt, again)
        except StreamFailed as failed:
            raise failed.error  # noqa: B904  (the caller's own error, as it was)

    def _settled(
        self, key: str, once: Callable[[], T], doubt: Callable[[], bool], again: Callable[[Exception], bool]
    ) -> T:
        """Try a change; where the last try certainly failed, but an earlier one may not have, that is unknown."""
        try:
            return self._retry(once, again)
        except StoreUnavailable as error:
            if doubt():
                raise WriteUnknown(
                    f"{self.url}/{key}: the reply to a change was lost, and what the store holds now could not be "
                    f"settled ({error}); do not clean up, run the same again once the store is back"
                ) from error
            raise

    def _settle(self, key: str, source: Source, *, if_absent: bool) -> Written:
        """Say by reading back how a write ended; `StoreUnavailable`: it is not there (yet), send it again."""
        if not source.exhausted and not source.rewindable:
            # The store never got the whole of a stream that cannot be read again, so it cannot have committed it.
            raise StoreUnavailable(f"{self.url}/{key}: the write broke off before all bytes were sent")
        if not source.exhausted:
            for _ in source:
                pass
        found = self._digest(key)
        if found != source.sha256 and found is not None:
            found = self._digest(key)  # As in `get`: one reading may be damaged on its way.
        if found == source.sha256:
            self.harden(key)
            return Written(source.sha256, source.size, created=False)
        if found is not None and if_absent:
            raise ObjectExists(
                f"{self.url}/{key} is there already with other bytes (sha256 {found}); nothing was written"
            )
        raise StoreUnavailable(f"{self.url}/{key}: reading back after a lost reply did not find the bytes")

    def _digest(self, key: str) -> str | None:
        digest = hashlib.sha256()
        try:
            with self._reader(key, None) as stream:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
        except ObjectNotFound:
            return None
        return digest.hexdigest()

    @contextmanager
    def _reader(self, key: str, sha256: str | None) -> Iterator[BinaryIO]:
        with self.open_once(key) as body:
            raw = VerifyingReader(body, f"{self.url}/{key}", sha256)
            yield cast(BinaryIO, io.BufferedReader(raw, max(1, min(body.size, CHUNK))))

    def _pages(self, prefix: str, cursor: str) -> Iterator[ObjectInfo]:
        # Page by page, so that an interruption costs one page, and a slow reader does not use up the retries' time.
        while True:
            after = cursor
            infos = self._retry(lambda: tuple(islice(self.list_once(prefix, after), self.page)))  # noqa: B023
            yield from infos
            if len(infos) < self.page:
                return
            cursor = infos[-1].key

    def _retry(self, action: Callable[[], T], again: Callable[[Exception], bool] | None = None) -> T:
        for attempt in stamina.retry_context(
            on=again or (lambda error: isinstance(error, StoreUnavailable)),
            attempts=self._retries.attempts,
            timeout=self._retries.timeout,
            wait_initial=self._retries.wait_initial,
            wait_max=self._retries.wait_max,
            wait_jitter=self._retries.wait_jitter,
        ):
            with attempt:
                return action()
        raise AssertionError("the last attempt either returned or raised")
