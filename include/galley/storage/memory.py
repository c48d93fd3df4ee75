"""Objects in this process's memory: the fake beside the protocol, and as strict as the strictest real store."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from galley.errors import ObjectExists, ObjectNotFound, StoreError
from galley.storage.base import ObjectInfo
from galley.storage.settled import Retries, SettledStore
from galley.storage.streams import Body, Source


class MemoryStore(SettledStore):
    """A store that lives as long as the object; its URL is ``memory://<name>`` and names nothing elsewhere."""

    def __init__(self, name: str = "store", *, retries: Retries | None = None) -> None:
        super().__init__(f"memory://{name}", retries or Retries.at_once(3))
        self._objects: dict[str, tuple[bytes, ObjectInfo]] = {}
        self._folders: Counter[str] = Counter()
        self._lock = threading.Condition()

    def write_once(self, key: str, source: Source, *, if_absent: bool) -> None:
        """Under a lock, once all bytes are here."""
        data = b"".join(source)
        info = ObjectInfo(key, len(data), hashlib.sha256(data).hexdigest(), datetime.now(UTC))
        with self._lock:
            if if_absent and key in self._objects:
                raise ObjectExists(f"{self.url}/{key} is there already")
            above = _above(key)
            for other in [*above, key + "/"]:
                if other in (self._folders if other.endswith("/") else self._objects):
                    raise StoreError(
                        f"{self.url}/{key} cannot be written: {other} is there already, and a key cannot be an object "
                        "and a folder at once; choose another key, or delete what is there"
                    )
            if key not in self._objects:
                self._folders.update(f"{folder}/" for folder in above)
            self._objects[key] = (data, info)
            self._lock.notify_all()

    @contextmanager
    def open_once(self, key: str) -> Iterator[Body]:
        """The bytes as they are now."""
        found = self._objects.get(key)
        if found is None:
            raise ObjectNotFound(f"there is no object {self.url}/{key}")
        yield Body(io.BytesIO(found[0]), len(found[0]))

    def head_once(self, key: str) -> ObjectInfo | None:
        """From the dictionary."""
        found = self._objects.get(key)
        return found[1] if found else None

    def list_once(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """Of a copy of the keys."""
        with self._lock:
            infos = [info for key, (_, info) in self._objects.items() if key.startswith(prefix) and key > after]
        yield from sorted(infos, key=lambda info: info.key)

    def delete_once(self, key: str) -> None:
        """Forget it."""
        with self._lock:
            if self._objects.pop(key, None):
                self._folders -= Counter(f"{folder}/" for folder in _above(key))

    def wait_for_write(self, prefix: str, seconds: float) -> bool:
        """As `TellsOfWrites.wait_for_write`."""
        with self._lock:
            before = dict(self._objects)
            return self._lock.wait_for(
                lambda: any(
                    key.startswith(prefix) and before.get(key) is not found for key, found in self._objects.items()
                ),
                seconds,
            )


def _above(key: str) -> list[str]:
    """The keys that would be folders of this one."""
    parts = key.split("/")
    return ["/".join(parts[:number]) for number in range(1, len(parts))]
