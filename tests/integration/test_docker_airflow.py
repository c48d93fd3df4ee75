"""Runs through Airflow in containers, over MinIO, with the catalog on PostgreSQL: what they make and survive."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import docker
import pytest

from tests.conftest import ROOT
from tests.integration import dockerd
from tests.integration.disturbed import Job, undisturbed
from tests.integration.echo_image import NAME, stand_in_image
from tests.integration.production import SLOWLY, minio, production, publishes_the_day_as_processes_do, texts
from tests.integration.services.base import Unavailable
from tests.integration.standing import WORKER, Standing, eventually

DAEMON = ROOT / ".galley-services" / "docker"
ROWS = 900
"""A minute and a half of them, for whatever is not held still goes on while another part starts again."""
TEXTS = partial(texts, ROWS)


@pytest.fixture(scope="module")
def airflow(client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    slow = stand_in_image(client, SLOWLY, "localhost/galley/test-slow:latest")
    folder = tmp_path_factory.mktemp("production")
    images = {"GALLEY_IMAGE_GENERATION": slow, "GALLEY_IMAGE_COMPLIANCE": NAME}
    try:
        with minio(folder / "minio") as s3, production(folder, "docker", s3, **images) as running:
            yield running
    except Unavailable as why:
        pytest.skip(str(why))


@dataclass(frozen=True)
class Contained(Job):
    """The run's generation job as a container."""

    client: docker.APIClient

    def _listed(self) -> list[str]:
        label = f"galley.job={self.files.run}/{self.name}"
        return [str(each["Id"]) for each in self.client.containers(filters={"label": label})]

    def workers(self) -> list[str]:
        """Containers under way, the gate's too."""
        gates = self.client.containers(filters={"label": f"galley.gate.job={self.files.run}/{self.name}"})
        return [*self._listed(), *(str(each["Id"]) for each in gates)]

    def container(self) -> str:
        """Wait for the one that generates; its id."""

        def there() -> str | None:
            self.assert_under_way()
            return next(iter(self._listed()), None)

        return eventually(there, f"a container of {self.name}")


def test_the_day_s_run_publishes_what_one_in_processes_publishes(airflow: Standing, tmp_path: Path) -> None:
    publishes_the_day_as_processes_do(airflow, tmp_path)


def test_ten_deaths_cost_nothing_and_leave_nothing(airflow: Standing, client: docker.APIClient, tmp_path: Path) -> None:
    if dockerd.running(DAEMON) is None:
        pytest.skip("the Docker daemon is none of the tests' own, which may be killed")
    job = Contained.of_new_run(airflow, TEXTS(tmp_path / "texts.jsonl"), client)
    assert airflow.settings.s3_keys is not None
    assert airflow.settings.s3_keys.secret_key.get_secret_value() not in str(client.inspect_container(job.container()))

    def kill_task() -> None:
        # The container is held still: it may not end before Airflow has noticed.
        held, task = job.container(), job.running_task()
        client.pause(held)
        os.kill(task["pid"], signal.SIGKILL)
        job.running_task(other_than=task["try_number"])
        client.unpause(held)
        assert job.container() == held

    def kill_container() -> None:
        killed = job.container()
        client.kill(killed, signal.SIGKILL)
        eventually(lambda: killed not in job.workers(), "the container to end")

    def kill_scheduler() -> None:
        held, killed = job.container(), airflow.pid("scheduler")
        client.pause(held)
        airflow.kill("scheduler")
        airflow.wait_again("scheduler", killed)
        client.unpause(held)

    def kill_daemon() -> None:
        pid = dockerd.running(DAEMON)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: dockerd.running(DAEMON) is None, "the daemon to be gone")
        dockerd.up(DAEMON)

    rounds: tuple[tuple[Callable[[], None], ...], ...] = (
        (kill_task, kill_container, kill_daemon),
        (kill_container, kill_scheduler, kill_daemon),
        (kill_daemon, kill_container, kill_task, kill_scheduler),
    )
    made = 0
    for number, deaths in enumerate(rounds):
        for death in deaths:
            made = job.wait_made(made)
            death()
        made = job.wait_made(made)
        if number < len(rounds) - 1:
            # As in the UI: the container and its gate end with their task. Cleared, it has all its tries again.
            job.mark_failed()
            job.clear(only_failed=True)
    job.wait_success()

    keys = job.made()
    assert len(keys) == ROWS and max(Counter(keys).values()) == 1
    assert client.containers(filters={"label": "galley.job"}) == []
    assert client.containers(all=True, filters={"label": "galley.gate"}) == []
    assert job.items() == undisturbed(TEXTS)
