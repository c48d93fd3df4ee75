"""Runs through Airflow in pods, over MinIO, with the catalog on PostgreSQL: what they publish, what they survive."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cluster import CLAIM, Cluster, seen_by_pods
from tests.integration.disturbed import Job, undisturbed
from tests.integration.echo_image import NAME
from tests.integration.production import SLOWLY, minio, production, publishes_the_day_as_processes_do, texts
from tests.integration.services.base import Unavailable
from tests.integration.standing import WORKER, Standing, eventually

ROWS = 1200
"""Two minutes of them and more: nothing is held still while other parts start again."""
HOOK = 'def pod_mutation_hook(pod):\n    pod.metadata.annotations["example.org/team"] = "content"\n'
TEXTS = partial(texts, ROWS)


@pytest.fixture(scope="module")
def airflow(cluster: Cluster) -> Iterator[Standing]:
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    folder = cluster.files / "production"  # which pods see, for the models in it
    try:
        with minio(folder / "minio") as s3, seen_by_pods(int(s3.endpoint.rpartition(":")[2])) as endpoint:
            cluster.keys("galley-of-airflow", s3.environment)
            (folder / "settings").mkdir()
            (folder / "settings" / "airflow_local_settings.py").write_text(HOOK)
            environment = {
                "KUBECONFIG": str(folder / "none"),  # the connection leads to the cluster
                "PYTHONPATH": str(folder / "settings"),
                "GALLEY_IMAGE_GENERATION": NAME,
                "GALLEY_IMAGE_COMPLIANCE": NAME,
                "GALLEY_KUBERNETES_NAMESPACE": cluster.namespace,
                "GALLEY_KUBERNETES_VOLUMES": json.dumps({CLAIM: str(cluster.files)}),
                "GALLEY_KUBERNETES_POD_TEMPLATE": str(cluster.template(SLOWLY)),
                "GALLEY_KUBERNETES_STORE_SECRET": "galley-of-airflow",
            }
            with production(folder, "kubernetes", s3, endpoint, **environment) as running:
                extra = {"kube_config": cluster.kubeconfig.read_text(), "in_cluster": False}
                connection = {"connection_id": "galley_kubernetes", "conn_type": "kubernetes"}
                running.api.post("/connections", {**connection, "extra": json.dumps(extra)})
                yield running
    except Unavailable as why:
        pytest.skip(str(why))
    finally:
        cluster.clear()


@dataclass(frozen=True)
class InPods(Job):
    """The run's generation job as a pod."""

    cluster: Cluster

    def workers(self) -> list[str]:
        """Pods that have not ended."""
        return [
            str(pod["metadata"]["name"])
            for pod in self.cluster.pods()
            if pod["metadata"]["annotations"].get("galley.job") == f"{self.files.run}/{self.name}"
            and pod["status"]["phase"] in ("Pending", "Running")
        ]

    def pod(self) -> dict[str, Any]:
        """Wait for the one that generates, and that it runs."""

        def there() -> dict[str, Any] | None:
            self.assert_under_way()
            for pod in self.cluster.pods():
                if pod["metadata"]["name"] in self.workers() and pod["status"]["phase"] == "Running":
                    return pod
            return None

        return eventually(there, f"a pod of {self.name}")


def test_the_day_s_run_publishes_what_one_in_processes_publishes(airflow: Standing, tmp_path: Path) -> None:
    publishes_the_day_as_processes_do(airflow, tmp_path)


def test_airflow_s_hook_sees_each_pod(airflow: Standing, cluster: Cluster) -> None:
    found = [pod["metadata"]["annotations"] for pod in cluster.pods()]
    assert found and all(each["example.org/team"] == "content" for each in found)


def test_ten_deaths_cost_nothing_and_leave_nothing(airflow: Standing, cluster: Cluster, tmp_path: Path) -> None:
    job = InPods.of_new_run(airflow, TEXTS(tmp_path / "texts.jsonl"), cluster)

    def kill_task() -> None:
        pod, task = job.pod(), job.running_task()
        os.kill(task["pid"], signal.SIGKILL)
        job.running_task(other_than=task["try_number"])
        assert job.pod()["metadata"]["uid"] == pod["metadata"]["uid"]

    def kill_container() -> None:
        cluster.kill_container(job.pod(), "job")

    def kill(component: str) -> Callable[[], None]:
        def killed() -> None:
            cluster.kill(component)
            cluster.start(component)
            eventually(lambda: _answers(cluster), "the API server to answer")

        return killed

    def kill_scheduler() -> None:
        killed = airflow.pid("scheduler")
        airflow.kill("scheduler")
        airflow.wait_again("scheduler", killed)

    rounds: tuple[tuple[Callable[[], None], ...], ...] = (
        (kill_task, kill_container, kill("kubelet")),
        (kill("api-server"), kill_container, kill("containerd")),
        (kill_scheduler, kill("scheduler"), kill_container, kill("kubelet")),
    )
    made = 0
    for number, deaths in enumerate(rounds):
        for death in deaths:
            made = job.wait_made(made)
            death()
        made = job.wait_made(made)
        if number < len(rounds) - 1:
            # As in the UI: the pod ends with its task. Cleared, it has all its tries again.
            job.mark_failed()
            job.clear(only_failed=True)
    job.wait_success()

    keys = job.made()
    assert len(keys) == ROWS and max(Counter(keys).values()) == 1
    under_way = ("Pending", "Running")
    eventually(lambda: not [pod for pod in cluster.pods() if pod["status"]["phase"] in under_way], "the pods to end")
    assert job.items() == undisturbed(TEXTS)


def _answers(cluster: Cluster) -> bool:
    try:
        return bool(cluster.pods())
    except (OSError, HTTPException, TypeError):  # refused, broken off, or answered with an error or nothing
        return False
