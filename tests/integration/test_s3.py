"""The S3 store on real servers: MinIO and Versity S3 Gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.s3 import S3
from tests.integration.services.base import Server, Unavailable
from tests.integration.services.minio import MinioServer
from tests.integration.services.versitygw import VersityServer
from tests.storage.conformance import StoreConformance, StreamingConformance


@pytest.fixture(scope="module", params=[MinioServer(), VersityServer()], ids=lambda service: service.name)
def s3(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """One server for the tests of this module."""
    service: Server = request.param
    folder = tmp_path_factory.mktemp(service.name)
    try:
        service.up(folder)
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        yield S3(service, folder)
    finally:
        service.down(folder)


class TestConformance(StoreConformance, StreamingConformance):
    @pytest.fixture
    def make(self, s3: S3) -> S3:
        return s3
