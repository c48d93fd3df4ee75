"""The production stack as a whole: up by `make stack-up`, a day's run in it, another executor, and down.

It has a project name, ports and image names of its own, on the tests' daemon.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest

from galley.airflow.rest import AirflowApi
from galley.settings import S3Keys, Settings
from tests.integration.package_images import stack_images
from tests.integration.production import DAILY, publishes_the_day_as_processes_do
from tests.integration.real_images import BASE, NAMES, build, copy_of_checkout, make
from tests.integration.services.base import Unavailable, free_port
from tests.integration.services.golang import compiled
from tests.integration.services.minio import VERSION
from tests.integration.standing import WORKER, Standing, eventually

PROJECT, REGISTRY = "galley-test", "localhost/test-stack"
SERVICES = {"postgres", "s3", "api-server", "scheduler", "dag-processor", "triggerer", "prometheus"}
CELERY = {"broker", "worker"}
HOUR = 3600.0
"""Patience: containers of ten processes that import Airflow, on a machine that has other work."""


@dataclass
class Stack:
    """One of this test's own.

    Attributes:
        client: of the daemon.
        checkout: a copy, whose briefs ask for a few items each.
        environment: what its commands are told.
    """

    client: docker.APIClient
    checkout: Path
    environment: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict)

    def up(self, **environment: str) -> None:
        """Start it, or change it; read the secrets that this made."""
        make(self.checkout, "stack-up", **self.environment | environment)
        lines = (self.checkout / "docker" / ".env").read_text().splitlines()
        self.secrets = dict(line.split("=", 1) for line in lines)

    def down(self) -> None:
        make(self.checkout, "stack-down", **self.environment)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Service to inspected container."""
        listed = self.client.containers(all=True, filters={"label": f"com.docker.compose.project={PROJECT}"})
        return {
            each["Labels"]["com.docker.compose.service"]: self.client.inspect_container(each["Id"]) for each in listed
        }

    def wait_healthy(self, services: set[str]) -> None:
        """Wait until all are; the last lines of what is not are in the error."""

        def states() -> dict[str, str]:
            return {name: each["State"].get("Health", {}).get("Status", "") for name, each in self.containers().items()}

        try:
            eventually(lambda: all(states().get(name) == "healthy" for name in services), "a healthy stack", HOUR)
        except TimeoutError:
            ill = [name for name, state in states().items() if state != "healthy"]
            logs = {name: self.client.logs(self.containers()[name]["Id"], tail=20).decode() for name in ill}
            raise AssertionError(f"not healthy: {logs}") from None

    def address(self, service: str) -> str:
        """Of a service that listens on the stack's own network alone."""
        return str(self.containers()[service]["NetworkSettings"]["Networks"][PROJECT]["IPAddress"])


@pytest.fixture(scope="module")
def stack(client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    plugin = shutil.which("docker") and subprocess.run(["docker", "compose", "version"]).returncode == 0
    if not plugin and shutil.which("docker-compose") is None:
        pytest.skip("Docker Compose is not installed; on Debian: apt install docker-compose")
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    checkout = copy_of_checkout(tmp_path_factory.mktemp("checkout"))
    for brief in (checkout / "include" / "briefs").glob("*.yaml"):
        brief.write_text(re.sub(r"^count: \d+$", "count: 4", brief.read_text(), flags=re.MULTILINE))
    try:
        program = compiled("minio", "github.com/minio/minio", VERSION)
    except Unavailable as why:
        pytest.skip(str(why))
    shutil.copy2(program, checkout / "docker" / "inputs" / "programs" / "minio")
    environment = {
        "GALLEY_REGISTRY": REGISTRY,
        "BASE_IMAGE": BASE,
        "COMPOSE_PROJECT_NAME": PROJECT,
        "GALLEY_UI_PORT": str(free_port()),
        "PROMETHEUS_PORT": str(free_port()),
        **stack_images(),
    }
    stack = Stack(client, checkout, environment)
    try:
        build(checkout, *NAMES, "minio", registry=REGISTRY)  # for the image of Airflow has the briefs
        stack.up()
        yield stack
    finally:
        stack.down()
        for volume in client.volumes({"label": f"com.docker.compose.project={PROJECT}"})["Volumes"] or ():
            client.remove_volume(volume["Name"], force=True)


@pytest.fixture(scope="module")
def airflow(stack: Stack) -> Iterator[Standing]:
    """Its API and its zones, with the keys that Airflow has there."""
    stack.wait_healthy(SERVICES)
    settings = Settings(
        **{f"{zone}_url": f"s3://galley-{zone}" for zone in ("inbox", "work", "quarantine", "published")},
        s3_endpoint_url=f"http://{stack.address('s3')}:9000",
        s3_addressing="path",
        s3_keys=S3Keys(access_key="galley-airflow", secret_key=stack.secrets["S3_AIRFLOW_PASSWORD"]),
    )
    url, password = f"http://127.0.0.1:{stack.environment['GALLEY_UI_PORT']}", stack.secrets["AIRFLOW_ADMIN_PASSWORD"]
    with AirflowApi(url, "admin", password) as api:
        yield Standing(settings, {}, url, "admin", password, api)


def test_every_service_becomes_healthy_and_says_what_it_measures(stack: Stack, airflow: Standing) -> None:
    containers = stack.containers()
    assert containers.keys() == SERVICES | {"init"} and containers["init"]["State"]["ExitCode"] == 0
    assert all(each["RestartCount"] == 0 for each in containers.values())
    ports = [
        port
        for each in containers.values()
        for ports in each["NetworkSettings"]["Ports"].values()
        for port in ports or ()
    ]
    assert ports and all(port["HostIp"] == "127.0.0.1" for port in ports)

    def targets() -> dict[str, str]:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{stack.environment['PROMETHEUS_PORT']}/api/v1/targets"
        ) as answer:
            active = json.load(answer)["data"]["activeTargets"]
        return {each["labels"]["job"]: each["health"] for each in active}

    eventually(lambda: targets() == {"prometheus": "up", "minio": "up"}, "Prometheus to have scraped all")


def test_the_day_s_run_publishes_what_processes_publish(stack: Stack, airflow: Standing, tmp_path: Path) -> None:
    airflow.api.patch(f"/dags/{DAILY}", {"is_paused": False})
    (run_id,) = eventually(lambda: [run["dag_run_id"] for run in airflow.runs(DAILY)], "the day's own run")
    assert airflow.wait(DAILY, run_id, HOUR) == "success", airflow.states(DAILY, run_id)
    include = stack.checkout / "include"
    alone = Settings(
        root=stack.checkout,
        home=tmp_path / "home",
        runtime="process",
        worker_python=WORKER,
        briefs_dir=include / "briefs",
        policies_dir=include / "policies",
        models_file=include / "models" / "models.yaml",
    )
    publishes_the_day_as_processes_do(airflow, tmp_path, run_id=run_id, settings=alone)


def test_celery_s_workers_take_the_tasks(stack: Stack, airflow: Standing) -> None:
    stack.up(EXECUTOR="celery")
    stack.wait_healthy(SERVICES | CELERY)
    airflow.api.patch("/dags/on_demand_content", {"is_paused": False})
    run_id = airflow.trigger("on_demand_content", {"text": "a large red star on a white background"})
    assert airflow.wait("on_demand_content", run_id, HOUR) == "success", airflow.states("on_demand_content", run_id)
    assert airflow.report("on_demand_content", run_id).counts["published"] == 1
    worker = stack.containers()["worker"]["Config"]["Hostname"]
    ran = [each for each in airflow.tasks("on_demand_content", run_id) if each["state"] == "success"]
    assert ran and {each["hostname"] for each in ran} == {worker}


def test_down_leaves_data_and_nothing_else(stack: Stack, airflow: Standing) -> None:
    assert stack.client.containers(all=True, filters={"label": "galley.job"})  # ended ones, kept for their logs
    stack.down()
    assert stack.containers() == {}
    assert stack.client.networks(filters={"label": f"com.docker.compose.project={PROJECT}"}) == []
    for label in ("galley.job", "galley.gate"):
        assert stack.client.containers(all=True, filters={"label": label}) == []
    volumes = stack.client.volumes({"label": f"com.docker.compose.project={PROJECT}"})["Volumes"]
    assert {each["Name"] for each in volumes} == {
        f"{PROJECT}_{name}" for name in ("state", "postgres", "s3", "prometheus")
    }
