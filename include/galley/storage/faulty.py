"""A store that fails as real ones do, on purpose and repeatably: the fake for everything that must survive it.

The faults strike between a store and the logic that settles outcomes (`SettledStore`), where networks strike; what the
callers see is what a real store would let them see. No fault sleeps. The same seed and the same operations give the
same faults (one thread); one `Faults` may be shared by the stores of all zones.

    faults = Faults(seed=7, max_faults=20)
    zones = memory_zones().wrapped(lambda store: FaultyStore(store, faults))
    …                  # run the pipeline until it ends, as a scheduler with retries would
    faults.heal()      # then the clean rerun
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from galley.errors import ObjectExists, StoreError, StoreUnavailable, WriteUnknown
from galley.storage.base import ObjectInfo
from galley.storage.settled import Retries, SettledStore
from galley.storage.streams import Body, Readable, Source

T = TypeVar("T")


class Fault(StrEnum):
    """What may go wrong. For reads those after the operation are the same as those before it: no answer."""

    ERROR = "error"
    """The store refuses (503); nothing was done."""
    ERROR_AFTER = "error_after"
    """The store does it and answers with an error (500)."""
    HANG = "hang"
    """No answer in time; the request never arrived."""
    HANG_AFTER = "hang_after"
    """No answer in time; it was done."""
    LOST_REPLY = "lost_reply"
    """It was done, and the connection broke before the reply."""
    LATE = "late"
    """No answer in time; a conditional write lands a moment later, after it was read back and not found."""
    DUPLICATE = "duplicate"
    """The request is sent twice, and the second reply is the one that counts."""
    STALE_LIST = "stale_list"
    """A listing from before the last few writes and deletions."""
    TRUNCATE = "truncate"
    """A body that ends early."""
    CORRUPT = "corrupt"
    """One bit of a body flipped. Only a given sha256 shows it, so it is no default."""


_WRITE = frozenset(Fault) - {Fault.STALE_LIST, Fault.TRUNCATE, Fault.CORRUPT}
_READ = frozenset({Fault.ERROR, Fault.HANG})
_APPLIES = {
    "write": _WRITE - {Fault.LATE},
    "write_if_absent": _WRITE,
    "delete": _WRITE - {Fault.LATE},
    "head": _READ,
    "open": _READ | {Fault.TRUNCATE, Fault.CORRUPT},
    "list": _READ | {Fault.STALE_LIST},
}
DEFAULT_FAULTS = tuple(fault for fault in Fault if fault is not Fault.CORRUPT)


@dataclass(frozen=True)
class Injected:
    """One fault that struck.

    Attributes:
        number: 0-based number of the operation among all that the `Faults` saw.
        operation: ``write``, ``write_if_absent``, ``open``, ``head``, ``list`` or ``delete``.
        uri: store's URL and key or prefix.
        fault: what was done to it.
    """

    number: int
    operation: str
    uri: str
    fault: Fault


class Faults:
    """Decides, operation by operation, what goes wrong.

    Args:
        seed: of the random choice; faults strike with probability ``rate`` per operation.
        rate: in [0, 1].
        schedule: in place of the seed: what to do at operation 0, 1, 2 …; None, and a fault that the operation cannot
            have, do nothing, as does the end of the schedule. This is what Hypothesis draws and shrinks.
        kinds: faults to choose from.
        max_faults: after that many all goes well.
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        rate: float = 0.1,
        schedule: Iterable[Fault | None] = (),
        kinds: Iterable[Fault] = DEFAULT_FAULTS,
        max_faults: int | None = None,
    ) -> None:
        self.injected: list[Injected] = []
        """What struck so far, in order."""
        self.operations = 0
        """Operations seen so far; a retry counts as one more."""
        self._random = None if seed is None else random.Random(seed)
        self._rate, self._kinds, self._max = rate, tuple(kinds), max_faults
        self._schedule = iter(schedule)
        self._healed = False
        self._lock = threading.Lock()

    def heal(self) -> None:
        """From now on all goes well."""
        self._healed = True

    def draw(self, operation: str, uri: str) -> Fault | None:
        """The fault of the next operation, recorded, or None."""
        with self._lock:
            number, self.operations = self.operations, self.operations + 1
            if self._healed or (self._max is not None and len(self.injected) >= self._max):
                return None
            fault = self._next(operation)
            if fault is None or fault not in _APPLIES[operation]:
                return None
            self.injected.append(Injected(number, operation, uri, fault))
            return fault

    def number(self, below: int) -> int:
        """A detail of a fault: a number in [0, below)."""
        with self._lock:
            return self._random.randrange(below) if self._random else below // 2

    def _next(self, operation: str) -> Fault | None:
        if self._random is None:
            return next(self._schedule, None)
        if self._random.random() >= self._rate:
            return None
        kinds = [kind for kind in self._kinds if kind in _APPLIES[operation]]
        return self._random.choice(kinds) if kinds else None


class FaultyStore(SettledStore):
    """The store ``inner`` behind a bad network; its URL is that of ``inner``.

    ``retries`` are what a caller's own store would do about it; with ``Retries.at_once(1)`` every fault that cannot be
    settled by reading back reaches the caller. Retries are logged by stamina, as everywhere.
    """

    def __init__(self, inner: SettledStore, faults: Faults, *, retries: Retries | None = None) -> None:
        super().__init__(inner.url, retries or Retries.at_once(4))
        self.inner = inner
        self.faults = faults
        self._before: deque[tuple[str, ObjectInfo | None]] = deque(maxlen=4)
        self._late: list[tuple[int, str, bytes]] = []
        self._lock = threading.Lock()

    def write_once(self, key: str, source: Source, *, if_absent: bool) -> None:
        """Write, or not, or twice."""
        fault = self._draw("write_if_absent" if if_absent else "write", key)

        def write() -> None:
            self._remember(key)
            self.inner.write_once(key, source, if_absent=if_absent)

        if fault in (Fault.HANG, Fault.LATE):
            data = b"".join(source)  # all of it was sent
            if fault is Fault.LATE:
                with self._lock:
                    self._late.append((2, key, data))
        if fault is Fault.DUPLICATE and source.rewindable:
            with suppress(ObjectExists):
                write()
        self._change(fault, write, f"writing {self.url}/{key}")

    @contextmanager
    def open_once(self, key: str) -> Iterator[Body]:
        """Read, or not, or not all, or not right."""
        fault = self._draw("open", key)
        self._refuse(fault, f"reading {self.url}/{key}")
        with self.inner.open_once(key) as body:
            if body.size and fault is Fault.TRUNCATE:
                yield Body(_Cut(body.stream, self.faults.number(body.size)), body.size)
            elif body.size and fault is Fault.CORRUPT:
                yield Body(_Flipped(body.stream, self.faults.number(body.size)), body.size)
            else:
                yield body

    def head_once(self, key: str) -> ObjectInfo | None:
        """Look up, or not."""
        self._refuse(self._draw("head", key), f"looking up {self.url}/{key}")
        return self.inner.head_once(key)

    def list_once(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """List, or not, or what was there before."""
        fault = self._draw("list", prefix)
        self._refuse(fault, f"listing {self.url}/{prefix}")
        found = self.inner.list_once(prefix, after)
        return iter(self._stale(found, prefix, after)) if fault is Fault.STALE_LIST else found

    def delete_once(self, key: str) -> None:
        """Delete, or not, or twice."""
        fault = self._draw("delete", key)

        def delete() -> None:
            self._remember(key)
            self.inner.delete_once(key)

        if fault is Fault.DUPLICATE:
            delete()
        self._change(fault, delete, f"deleting {self.url}/{key}")

    def harden(self, key: str) -> None:
        """As the store itself."""
        self.inner.harden(key)

    # ── how ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _draw(self, operation: str, key: str) -> Fault | None:
        self._land()
        return self.faults.draw(operation, f"{self.url}/{key}")

    def _change(self, fault: Fault | None, action: Callable[[], None], doing: str) -> None:
        match fault:
            case Fault.ERROR:
                raise StoreUnavailable(f"{doing}: 503, slow down (injected)")
            case Fault.HANG | Fault.LATE:
                raise WriteUnknown(f"{doing}: no answer in time (injected)") from TimeoutError()
            case Fault.ERROR_AFTER | Fault.HANG_AFTER | Fault.LOST_REPLY:
                with suppress(ObjectExists):
                    action()
                cause = TimeoutError() if fault is Fault.HANG_AFTER else ConnectionResetError()
                raise WriteUnknown(f"{doing}: {fault.value.replace('_', ' ')} (injected)") from cause
            case _:
                action()

    def _refuse(self, fault: Fault | None, doing: str) -> None:
        if fault in (Fault.ERROR, Fault.HANG):
            cause = TimeoutError() if fault is Fault.HANG else ConnectionRefusedError()
            raise StoreUnavailable(f"{doing}: {fault.value} (injected)") from cause

    def _remember(self, key: str) -> None:
        info = self.inner.head_once(key)
        with self._lock:
            self._before.append((key, info))

    def _stale(self, found: Iterator[ObjectInfo], prefix: str, after: str) -> Iterable[ObjectInfo]:
        infos = {info.key: info for info in found}
        with self._lock:
            changes = list(self._before)
        undone = 1 + self.faults.number(len(changes)) if changes else 0
        for key, before in reversed(changes[len(changes) - undone :]):
            if key.startswith(prefix) and key > after:
                infos.pop(key, None)
                if before is not None:
                    infos[key] = before
        return [infos[key] for key in sorted(infos)]

    def _land(self) -> None:
        with self._lock:
            due = [late for late in self._late if late[0] == 0]
            self._late = [(wait - 1, key, data) for wait, key, data in self._late if wait]
        for _, key, data in due:
            with suppress(StoreError):  # it came too late, or where nothing can be: nobody waits for the answer
                self._remember(key)
                self.inner.write_once(key, Source(data), if_absent=True)


class _Cut:
    """The first ``left`` bytes of a stream."""

    def __init__(self, stream: Readable, left: int) -> None:
        self._stream, self._left = stream, left

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(self._left if size < 0 else min(size, self._left)) or b""
        self._left -= len(chunk)
        return chunk


class _Flipped:
    """A stream with the lowest bit of the byte at ``place`` flipped."""

    def __init__(self, stream: Readable, place: int) -> None:
        self._stream, self._place = stream, place

    def read(self, size: int = -1, /) -> bytes:
        chunk = bytearray(self._stream.read(size) or b"")
        if 0 <= self._place < len(chunk):
            chunk[self._place] ^= 1
        self._place -= len(chunk)
        return bytes(chunk)
