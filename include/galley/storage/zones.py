"""The four zones, and the only way from a URI to an object.

What people and job specs name are URIs; they become a store and a checked key by `Zones.resolve` or not at all. Nothing
a user writes is ever opened as a path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

from galley.errors import StoreError
from galley.storage.base import ObjectStore, check_key
from galley.storage.memory import MemoryStore
from galley.storage.settled import SettledStore

if TYPE_CHECKING:
    from galley.settings import Settings

ZoneName = Literal["inbox", "work", "quarantine", "published"]
ZONES: tuple[ZoneName, ...] = get_args(ZoneName)


class Zones:
    """The stores of an installation; each is opened when it is first asked for.

    Args:
        urls: canonical URL of each zone; none may lie in another.
        open_zone: what opens the store of a URL.
    """

    def __init__(self, urls: dict[ZoneName, str], open_zone: Callable[[str], SettledStore]) -> None:
        for name in ZONES:
            for other in ZONES:
                if name != other and f"{urls[name]}/".startswith(f"{urls[other]}/"):
                    raise StoreError(
                        f"zone {name} ({urls[name]}) lies in zone {other} ({urls[other]}): what is in one would show "
                        f"in the other; set GALLEY_{name.upper()}_URL to a place of its own"
                    )
        self._urls = dict(urls)
        self._open_zone = open_zone
        self._stores: dict[ZoneName, SettledStore] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Zones:
        """The zones that the environment names; nothing is opened or made yet."""
        from galley.storage import canonical_url, open_store

        urls = {name: canonical_url(settings.zone(name)) for name in ZONES}
        return cls(urls, lambda url: open_store(url, settings))

    @property
    def inbox(self) -> ObjectStore:
        """Where others put request files."""
        return self.zone("inbox")

    @property
    def work(self) -> ObjectStore:
        """Runs, jobs and their artifacts."""
        return self.zone("work")

    @property
    def quarantine(self) -> ObjectStore:
        """Held and blocked artifacts."""
        return self.zone("quarantine")

    @property
    def published(self) -> ObjectStore:
        """What passed, and the releases."""
        return self.zone("published")

    def zone(self, name: ZoneName) -> SettledStore:
        """The store of a zone."""
        if name not in self._stores:
            self._stores.setdefault(name, self._open_zone(self._urls[name]))
        return self._stores[name]

    def resolve(self, uri: str) -> tuple[ObjectStore, str]:
        """The store and key of an object's URI; `StoreError` where it is not in one of the zones."""
        for name, url in self._urls.items():
            if uri.startswith(f"{url}/"):
                return self.zone(name), check_key(uri[len(url) + 1 :])
        known = ", ".join(f"{name} {url}" for name, url in self._urls.items())
        raise StoreError(f"{uri[:300]!r} is not the URI of an object in one of the zones ({known})")

    def uri(self, store: ObjectStore, key: str) -> str:
        """The URI of the object ``key`` in ``store``."""
        return f"{store.url}/{check_key(key)}"

    def read(self, uri: str, sha256: str | None = None) -> bytes:
        """The bytes of one object by URI, verified where a sha256 is given; errors as `resolve` and `get`."""
        store, key = self.resolve(uri)
        return store.get(key, sha256=sha256)

    def environment(self) -> dict[str, str]:
        """The variables that give a job process these same zones."""
        return {f"GALLEY_{name.upper()}_URL": url for name, url in self._urls.items()}

    def wrapped(self, wrap: Callable[[SettledStore], SettledStore]) -> Zones:
        """The same zones with each store wrapped, for example in a `FaultyStore`; URIs stay as they are."""
        names = {url: name for name, url in self._urls.items()}
        return Zones(self._urls, lambda url: wrap(self.zone(names[url])))


def memory_zones() -> Zones:
    """Zones in this process's memory, for tests."""
    return Zones({name: f"memory://{name}" for name in ZONES}, lambda url: MemoryStore(url.removeprefix("memory://")))
