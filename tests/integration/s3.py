"""An S3 server of a test's own, and stores in it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minio.credentials import StaticProvider

from galley.settings import Settings
from galley.storage import ObjectStore, Retries
from galley.storage.minio import MinioStore, connect
from tests.integration.services.base import Server
from tests.integration.services.minio import BUCKET


@dataclass
class S3:
    """A server and the folder it lives in.

    Attributes:
        service: what starts it.
        folder: its data and log.
        numbers: of the prefixes handed out.
    """

    service: Server
    folder: Path
    numbers: Any = field(default_factory=itertools.count)

    @property
    def environment(self) -> Mapping[str, str]:
        """As the service exports it."""
        return self.service.environment(self.folder)

    @property
    def endpoint(self) -> str:
        """URL of the server."""
        return self.environment["GALLEY_S3_ENDPOINT_URL"]

    @property
    def credentials(self) -> StaticProvider:
        """The root account's."""
        return StaticProvider(self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"])

    def prefix(self) -> str:
        """URL of a zone nobody has used."""
        return f"s3://{BUCKET}/t{next(self.numbers):05d}"

    def store(
        self,
        url: str = "",
        *,
        endpoint: str = "",
        credentials: StaticProvider | None = None,
        retries: Retries | None = None,
        probe: bool = False,
    ) -> MinioStore:
        """A new client; its own empty prefix, this server and the root account where nothing else is given."""
        endpoint = endpoint or self.endpoint
        client = connect(Settings(s3_endpoint_url=endpoint), credentials or self.credentials)
        return MinioStore(url or self.prefix(), client, endpoint, retries=retries, probe=probe)

    # As the conformance suite's `Make`.

    def __call__(self) -> ObjectStore:
        """A new, empty store."""
        return self.store()

    def peer(self, store: ObjectStore) -> ObjectStore:
        """Another client of the same objects."""
        return self.store(store.url)
