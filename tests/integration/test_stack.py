"""The production stack's configuration, each service's with the real program of that service."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import yaml
from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider
from minio.error import S3Error

from tests.conftest import ROOT
from tests.integration.services.base import Unavailable
from tests.integration.services.minio import VERSION, MinioServer

STACK = ROOT / "docker" / "stack"
SECRETS = ("PASSWORD", "SECRET", "KEY")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What make stack-up writes into docker/.env."""
    path = tmp_path_factory.mktemp("env") / ".env"
    for _ in range(2):  # what is there stays
        subprocess.run([sys.executable, STACK / "make-env", path], check=True, capture_output=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [line.split("=", 1) for line in path.read_text().splitlines()]
    assert len(dict(lines)) == len(lines)
    return dict(lines)


@pytest.fixture(scope="module")
def buckets() -> ModuleType:
    spec = importlib.util.spec_from_file_location("buckets", STACK / "buckets.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_secret_is_random_and_none_is_in_the_repository(environment: dict[str, str]) -> None:
    secret = [name for name in environment if name.endswith(SECRETS)]
    secrets = [environment[name] for name in secret]
    assert len(secrets) > 10 and len(set(secrets)) == len(secrets) and min(map(len, secrets)) >= 44
    for file in (ROOT / "docker" / "compose.yaml", *STACK.iterdir()):
        if file.is_file():
            for line in file.read_text().splitlines():
                assert not any(f"{name}: " in line and "${" not in line for name in secret), line


@pytest.mark.parametrize("server", [{}, {"S3_SERVER": "versitygw"}])
def test_compose_takes_the_file(environment: dict[str, str], server: dict[str, str]) -> None:
    if (compose := shutil.which("docker-compose")) is None:
        pytest.skip("docker-compose is not installed; on Debian: apt install docker-compose")
    given = {"PATH": os.environ["PATH"], **environment, **server}
    command = [compose, "-f", ROOT / "docker" / "compose.yaml", "config"]
    done = subprocess.run(command, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services["s3"]["image"].endswith(f"galley/{server.get('S3_SERVER', 'minio')}:latest")
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert services[name]["depends_on"] == {"init": {"condition": "service_completed_successfully"}}
        assert environment["S3_ROOT_PASSWORD"] not in json.dumps(services[name])
        assert services[name]["cap_drop"] == ["ALL"]
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published and all(str(port).startswith("127.0.0.1:") for port in published)
    missing = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert missing.returncode != 0


def test_prometheus_takes_its_configuration() -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed; on Debian: apt install prometheus")
    done = subprocess.run([promtool, "check", "config", STACK / "prometheus.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_of_minio_is_of_the_commit_that_is_tested() -> None:
    assert (ROOT / "docker" / "minio" / "Dockerfile").read_text().count(f"ARG VERSION={VERSION}\n") == 2


# ── who may do what ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def clients(
    tmp_path_factory: pytest.TempPathFactory, buckets: ModuleType, environment: dict[str, str]
) -> Iterator[Callable[[str], Minio]]:
    """Clients of a MinIO on which the stack's buckets and users were made, by user; ``root`` is the server's own."""
    service, folder = MinioServer(), tmp_path_factory.mktemp("minio")
    try:
        service.up(folder)
    except Unavailable as error:
        pytest.skip(str(error))
    try:
        facts = service.facts(folder)
        host = f"127.0.0.1:{facts['port']}"
        root = StaticProvider(facts["user"], facts["password"])

        def client(name: str) -> Minio:
            keys = StaticProvider(f"galley-{name}", environment[f"S3_{name.upper()}_PASSWORD"])
            return Minio(host, credentials=root if name == "root" else keys, secure=False)

        passwords = {name: environment[f"S3_{name.upper()}_PASSWORD"] for name in buckets.USERS}
        for _ in range(2):  # again, nothing changes
            buckets.make_buckets(client("root"))
            buckets.keep_versions(client("root"))
            buckets.make_users(MinioAdmin(endpoint=host, credentials=root, secure=False), passwords)
        for bucket in buckets.BUCKETS:
            client("root").put_object(f"galley-{bucket}", "there", io.BytesIO(b"x"), 1)
            client("root").put_object(f"galley-{bucket}", "runs/r/jobs/j/there", io.BytesIO(b"x"), 1)
        yield client
    finally:
        service.down(folder)


MAY = {
    "airflow": {f"{do} {bucket}" for do in ("get", "put", "list", "remove") for bucket in
                ("inbox", "work", "quarantine", "published")} | {"put a job"},
    "depositor": {"put inbox"},
    "worker": {"get work", "list work", "put a job"},
    "publisher": {
        "get work", "list work", "put a job", "get quarantine", "list quarantine", "put quarantine", "get published",
        "list published", "put published",
    },
    "reader": {"get published", "list published"},
}  # fmt: skip


@pytest.mark.parametrize("name", MAY)
def test_a_user_may_do_this_and_nothing_else(clients: Callable[[str], Minio], name: str) -> None:
    client = clients(name)
    acts: dict[str, Callable[[], Any]] = {
        "put a job": lambda: client.put_object("galley-work", "runs/r/jobs/j/results/x", io.BytesIO(b"x"), 1),
        "make a bucket": lambda: client.make_bucket("galley-more"),
        "list the buckets' rules": lambda: client.get_bucket_lifecycle("galley-work"),
        "stop versions": lambda: client.delete_bucket_lifecycle("galley-work"),
    }
    for bucket in ("inbox", "work", "quarantine", "published"):
        where = f"galley-{bucket}"
        acts |= {
            f"get {bucket}": lambda where=where: client.get_object(where, "there").close(),
            f"put {bucket}": lambda where=where: client.put_object(where, "new", io.BytesIO(b"x"), 1),
            f"list {bucket}": lambda where=where: list(client.list_objects(where)),
            f"remove {bucket}": lambda where=where: client.remove_object(where, "runs/r/jobs/j/there"),
        }
    may = set()
    for what, act in acts.items():
        try:
            act()
        except S3Error as error:
            assert error.code == "AccessDenied", (what, error)
        else:
            may.add(what)
    assert may == MAY[name]


def test_what_was_replaced_can_be_had_back_for_a_month(clients: Callable[[str], Minio], buckets: ModuleType) -> None:
    root = clients("root")
    for bucket in buckets.BUCKETS:
        assert root.get_bucket_versioning(f"galley-{bucket}").status == "Enabled"
        rules = root.get_bucket_lifecycle(f"galley-{bucket}").rules
        assert [rule.noncurrent_version_expiration.noncurrent_days for rule in rules] == [30]
    root.put_object("galley-published", "kept", io.BytesIO(b"old"), 3)
    root.put_object("galley-published", "kept", io.BytesIO(b"new"), 3)
    versions = [found.version_id for found in root.list_objects("galley-published", "kept", include_version=True)]
    assert len(versions) == 2
