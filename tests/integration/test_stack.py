"""The production stack's configuration, each service's with the real program of that service."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider
from minio.error import S3Error

import galley
from tests.conftest import ROOT
from tests.integration.real_images import copy_of_checkout
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


Compose = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """docker/stack/compose of a copy of the checkout, for a daemon that nothing asks."""
    plugin = shutil.which("docker") and subprocess.run(["docker", "compose", "version"]).returncode == 0
    if not plugin and shutil.which("docker-compose") is None:
        pytest.skip("Docker Compose is not installed; on Debian: apt install docker-compose")
    folder = tmp_path_factory.mktemp("stack")
    program = copy_of_checkout(folder) / "docker" / "stack" / "compose"
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(folder / "s"))
        given = {"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{folder}/s"}

        def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([program, *arguments], env=given | environment, capture_output=True, text=True)

        yield run


@pytest.mark.parametrize("server", ["minio", "versitygw"])
@pytest.mark.parametrize("executor", ["local", "celery"])
def test_compose_takes_the_file(compose: Compose, server: str, executor: str) -> None:
    done = compose("config", S3_SERVER=server, EXECUTOR=executor)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    celery = {name for name, each in services.items() if each.get("profiles") == ["celery"]}
    airflows = {"api-server", "scheduler", "dag-processor", "triggerer"} | celery & {"worker"}
    assert set(services) == airflows | celery | {"postgres", "s3", "init", "prometheus"}
    # Compose 1.29 shows them whatever profile there is; which of them start is for a whole stack to show.
    assert celery == {"broker", "worker"} or (celery == set() and executor == "local")
    assert services["s3"]["image"] == f"localhost/galley/{server}:{galley.__version__}"
    user, password = services["scheduler"]["environment"]["AWS_ACCESS_KEY_ID"], services["s3"]["environment"]
    assert (user == password["ROOT_ACCESS_KEY"]) == (server == "versitygw")
    for name in airflows:
        run = services[name]
        assert run["image"] == f"localhost/galley/airflow:{galley.__version__}" and run["cap_drop"] == ["ALL"]
        assert run["environment"]["AIRFLOW__CORE__EXECUTOR"].lower() == f"{executor}executor"
        assert (password["ROOT_SECRET_KEY"] in json.dumps(run)) == (server == "versitygw")
        daemon = any("/var/run/docker.sock" in str(volume) for volume in run["volumes"])
        assert daemon == (name in ("scheduler", "triggerer", "worker"))
    assert "${" not in done.stdout.replace("$${", "")  # Compose 1.29 leaves defaults within defaults as they are
    assert all("healthcheck" in each for name, each in services.items() if name != "init")
    published = [port for service in services.values() for port in service.get("ports", ())]
    hosts = [port["host_ip"] if isinstance(port, dict) else port.partition(":")[0] for port in published]
    assert published and set(hosts) == {"127.0.0.1"}  # Compose of today shows mappings, 1.29 texts


def test_what_is_wrong_does_not_start(compose: Compose) -> None:
    for wrong, named in [
        ({"EXECUTOR": "celery", "BROKER_PASSWORD": ""}, "BROKER_PASSWORD"),
        ({"EXECUTOR": "sequential"}, "there are local and celery"),
        ({"S3_SERVER": "seaweed"}, "there are minio and versitygw"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:2375"}, "no socket of this machine"),
    ]:
        done = compose("config", **wrong)
        assert done.returncode != 0 and named in done.stderr, (wrong, done.stderr)


@pytest.mark.parametrize("file", sorted((STACK / "prometheus").iterdir()), ids=lambda file: file.stem)
def test_prometheus_takes_its_configuration(file: Path) -> None:
    if (promtool := shutil.which("promtool")) is None:
        pytest.skip("promtool is not installed; on Debian: apt install prometheus")
    done = subprocess.run([promtool, "check", "config", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_of_minio_is_of_the_commit_that_is_tested() -> None:
    assert (ROOT / "docker" / "minio" / "Dockerfile").read_text().count(f"ARG VERSION={VERSION}\n") == 2
    assert f"server minio github.com/minio/minio {VERSION} ;;" in (ROOT / "docker" / "images").read_text()


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
