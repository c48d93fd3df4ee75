"""Object storage: one protocol, `ObjectStore`, and what implements it.

`open_store` gives the store of a URL and `Zones` the four of an installation. `MemoryStore` and `FaultyStore` (in
`galley.storage.faulty`) are the fakes that live beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from galley.errors import StoreError
from galley.storage.base import ObjectInfo, ObjectStore, TellsOfWrites, Written, check_key, check_prefix, shown_url
from galley.storage.local import LocalStore, local_root
from galley.storage.memory import MemoryStore
from galley.storage.s3_url import S3Location
from galley.storage.settled import Retries, SettledStore
from galley.storage.zones import ZONES, ZoneName, Zones, memory_zones

if TYPE_CHECKING:
    from galley.settings import Settings

__all__ = [
    "ZONES",
    "LocalStore",
    "MemoryStore",
    "ObjectInfo",
    "ObjectStore",
    "Retries",
    "SettledStore",
    "TellsOfWrites",
    "Written",
    "ZoneName",
    "Zones",
    "canonical_url",
    "check_key",
    "check_prefix",
    "memory_zones",
    "open_store",
]


def canonical_url(url: str) -> str:
    """The one spelling of a store's URL that its objects' URIs begin with. Raises `StoreError`."""
    match urlsplit(url).scheme:
        case "file":
            return "file://" + quote(str(local_root(url)))
        case "s3":
            return S3Location.parse(url).url
    raise StoreError(
        f"store URL {shown_url(url)!r}: this installation has stores for file:///absolute/path and s3://bucket/prefix"
    )


def open_store(url: str, settings: Settings) -> SettledStore:
    """The store of a URL. Nothing is made or asked for yet; a scheme nobody serves is a `StoreError`."""
    url = canonical_url(url)
    if url.startswith("s3:"):
        from galley.storage.minio import MinioStore  # DAG files import this package, and need no S3 client

        return MinioStore.from_settings(url, settings)
    return LocalStore(url)
