"""Where an S3 zone is: ``s3://bucket/prefix``, and the server's endpoint; checked before anything is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from galley.errors import StoreError
from galley.storage.base import MAX_KEY, check_key, shown_url

_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
AWS = "https://s3.amazonaws.com"
"""The endpoint where none is set."""
_SOCKET = "unix://"


@dataclass(frozen=True)
class S3Location:
    """The place of a store.

    Attributes:
        bucket: name of the bucket; it must exist.
        prefix: what every key of the store begins with, and a slash at its end; "" for the whole bucket.
    """

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, url: str) -> S3Location:
        """Of an ``s3://bucket/prefix`` URL. Raises `StoreError`, and repeats nothing that may be a password."""
        try:
            parts = urlsplit(url)
            host, path = parts.netloc, parts.path.strip("/")
        except ValueError:
            raise StoreError("a store URL cannot be read: write s3://bucket/prefix") from None
        if "@" in host:
            raise StoreError(
                f"the store URL of host {host.rpartition('@')[2]!r} has credentials in it, and URLs are written to "
                "logs and into the catalog: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
            )
        if parts.scheme != "s3" or not _BUCKET.fullmatch(host) or parts.query or parts.fragment:
            raise StoreError(
                f"store URL {shown_url(url)!r}: write s3://bucket/prefix, the bucket's name with 3 to 63 lower-case "
                "letters, digits, dots and dashes; the server's address is GALLEY_S3_ENDPOINT_URL"
            )
        if path:
            check_key(path)
        if len(path) > MAX_KEY:
            raise StoreError(f"store URL {shown_url(url)!r}: the prefix has more than {MAX_KEY} characters")
        return cls(host, f"{path}/" if path else "")

    @property
    def url(self) -> str:
        """The one spelling, without a slash at the end."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def socket_path(endpoint: str) -> str | None:
    """The path of a ``unix:///path`` endpoint, which a sealed job's is, or None: a gate listens there."""
    return endpoint.removeprefix(_SOCKET) if endpoint.startswith(f"{_SOCKET}/") else None


def on_aws(endpoint: str) -> bool:
    """Whether a server's URL is Amazon's, by whichever region or private way."""
    host = urlsplit(endpoint).hostname or ""
    return f".{host}".endswith((".amazonaws.com", ".amazonaws.com.cn"))


def check_endpoint(url: str) -> tuple[str, bool]:
    """Host (with its port) of a server's URL, and whether it is asked over TLS. Raises `StoreError`."""
    parts = urlsplit(url)
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or not bare:
        raise StoreError(
            f"GALLEY_S3_ENDPOINT_URL names {parts.hostname or 'no host'!r}: write http://host:port or "
            "https://host, without a path and without credentials"
        )
    return parts.netloc, parts.scheme == "https"
