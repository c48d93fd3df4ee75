"""Real servers on loopback for tests and for trying things out: what each needs, and how it comes up and goes down.

    python3 -m tests.integration.services install kubernetes        # compile it and start nothing
    python3 -m tests.integration.services up minio versitygw postgres
    python3 -m tests.integration.services status
    python3 -m tests.integration.services env       # export NAME=value lines, for eval
    docker save IMAGE | python3 -m tests.integration.services load      # for the cluster's node
    python3 -m tests.integration.services down

Runs on a bare Python. Everything lies under ``.galley-services/`` in the checkout: programs by version in ``bin/``, and
one folder per service with its data, its log, and its port and random credentials (readable by their owner alone). A
new service is one module with a class of `base.Service`, named in `SERVICES`.
"""

from __future__ import annotations

from tests.integration.services.base import Service
from tests.integration.services.docker import Docker
from tests.integration.services.kubernetes import Kubernetes
from tests.integration.services.minio import MinioServer
from tests.integration.services.postgres import PostgresServer
from tests.integration.services.versitygw import VersityServer

SERVICES: dict[str, Service] = {
    service.name: service for service in (MinioServer(), VersityServer(), PostgresServer(), Docker(), Kubernetes())
}
"""By name. Where two export the same variable, `env` takes it from the first that runs."""
