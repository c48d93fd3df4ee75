"""What Airflow's connection and hook do to a task's Kubernetes runtime; the API server is a small one of the test."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from galley.airflow.runtimes import open_runtime
from galley.errors import JobInterrupted, JobSpecError
from galley.items import Job
from galley.settings import Settings
from galley.storage import Zones
from tests.runtimes.test_kubernetes_api import server  # noqa: F401

JOB = Job(job="generate-a", run="run-1", command="generate", prefix="")
TOKEN = "dG9rZW4tdGhhdC1ub2JvZHktbWF5LXNlZQ"


def have(monkeypatch: pytest.MonkeyPatch, conn_type: str = "kubernetes", **extra: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GALLEY_KUBERNETES", json.dumps({"conn_type": conn_type, "extra": extra}))


def kubeconfig(port: int) -> dict[str, Any]:
    """Two ways to a server: the current one leads nowhere."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}},
            {"name": "nowhere", "cluster": {"server": "http://127.0.0.1:9"}},
        ],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [
            {"name": "mine", "context": {"cluster": "here", "user": "u", "namespace": "team-c"}},
            {"name": "other", "context": {"cluster": "nowhere", "user": "u"}},
        ],
        "current-context": "other",
    }


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("KUBECONFIG", "GALLEY_RUNTIME", "GALLEY_KUBERNETES_NAMESPACE", "GALLEY_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    return Settings(home=tmp_path, runtime="kubernetes")


def asked(server: Any, settings: Settings) -> str:
    server.answer = b'{"items": []}'
    assert open_runtime("", settings).find(JOB) is None
    _, path, _ = server.asked[-1]
    return str(path).partition("?")[0]


def test_without_a_connection_the_environment_leads_to_the_cluster(settings: Settings, server: Any) -> None:
    assert asked(server, settings) == "/api/v1/namespaces/team-a/pods"


@pytest.mark.parametrize("form", ["file", "text", "object"])
def test_the_connection_s_configuration_and_context_lead_to_the_cluster(
    settings: Settings, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    config = kubeconfig(server.server_port)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    (tmp_path / "mine").write_text(yaml.safe_dump(config))
    given: dict[str, Any] = {
        "file": {"kube_config_path": str(tmp_path / "mine")},
        "text": {"kube_config": json.dumps(config)},
        "object": {"kube_config": config},
    }[form]
    have(monkeypatch, **given, cluster_context="mine", in_cluster=False, disable_verify_ssl=False)
    assert asked(server, settings) == "/api/v1/namespaces/team-c/pods"
    have(monkeypatch, **given, cluster_context="mine", extra__kubernetes__namespace="team-d")
    assert asked(server, settings) == "/api/v1/namespaces/team-d/pods"
    set_here = settings.model_copy(update={"kubernetes_namespace": "team-e"})
    assert asked(server, set_here) == "/api/v1/namespaces/team-e/pods"


@pytest.mark.parametrize(
    ("conn_type", "extra", "said"),
    [
        ("aws", {}, "of type 'aws'; make it one of type 'kubernetes'"),
        ("kubernetes", {"disable_verify_ssl": True}, "extra has disable_verify_ssl; known are"),
        ("kubernetes", {"in_cluster": True, "kube_config_path": "/x"}, "kube_config_path and in_cluster; leave all"),
        ("kubernetes", {"in_cluster": True}, "Service host/port is not set"),
        ("kubernetes", {"kube_config_path": "/nowhere"}, "no Kubernetes cluster to be found"),
    ],
)
def test_what_it_cannot_do_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, conn_type: str, extra: dict[str, Any], said: str
) -> None:
    have(monkeypatch, conn_type, **extra)
    with pytest.raises(JobSpecError, match=said):
        open_runtime("", settings).find(JOB)


@pytest.mark.parametrize(
    "content", [f"token: {TOKEN}", f'{{"token": "{TOKEN}"', f'["{TOKEN}"]', f'{{"users": "{TOKEN}"}}']
)
@pytest.mark.parametrize("place", ["connection", "file", "environment"])
def test_no_complaint_shows_a_line_of_a_configuration(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, place: str
) -> None:
    broken = tmp_path / "broken"
    broken.write_text(f"{content}\n\t- broken: {TOKEN}\n" if "token:" in content else content)
    if place == "environment":
        monkeypatch.setenv("KUBECONFIG", str(broken))
    else:
        have(monkeypatch, **{"kube_config": content} if place == "connection" else {"kube_config_path": str(broken)})
    with pytest.raises(JobSpecError) as told:
        open_runtime("", settings).find(JOB)
    assert TOKEN not in "".join(traceback.format_exception(told.value))


def test_other_runtimes_ask_for_no_connection(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, "aws")
    assert open_runtime("process", settings).name == "process"


class Hook:
    """A policy plugin: adds what a cluster wants, and tries to loosen what seals a job."""

    def pod_mutation_hook(self, pod: Any) -> None:
        from kubernetes.client import models as k8s

        pod.metadata.labels = {"team": "content", "galley.key": "stolen"}
        pod.spec.tolerations = [k8s.V1Toleration(key="batch", operator="Exists")]
        pod.spec.host_network = True
        job = pod.spec.containers[0]
        job.image, job.security_context = "elsewhere", k8s.V1SecurityContext(privileged=True)
        job.env.append(k8s.V1EnvVar(name="TZ", value="UTC"))


@pytest.fixture
def hook() -> Iterator[None]:
    from airflow.policies import hookimpl
    from airflow.settings import get_policy_plugin_manager

    plugin = Hook()
    plugin.pod_mutation_hook = hookimpl(Hook.pod_mutation_hook).__get__(plugin)  # type: ignore[method-assign]
    get_policy_plugin_manager().register(plugin)
    yield
    get_policy_plugin_manager().unregister(plugin)


def test_the_pod_mutation_hook_adds_and_never_loosens(
    settings: Settings, server: Any, tmp_path: Path, hook: None
) -> None:
    zones = Zones.from_settings(settings)
    job = JOB.model_copy(update={"prefix": f"{zones.work.url}/runs/run-1/jobs/generate-a"})
    zones.work.put("runs/run-1/jobs/generate-a/job.json", job.model_dump_json().encode())
    runtime = open_runtime("", settings.model_copy(update={"kubernetes_volumes": {"all": tmp_path}}))
    server.answer = json.dumps({"items": [], "metadata": {"name": "galley-x-1", "uid": "u"}}).encode()
    runtime.submit(job, f"{job.prefix}/job.json")
    ((_, _, pod),) = [each for each in server.asked if each[0] == "POST"]
    (container,) = pod["spec"]["containers"]
    assert (pod["metadata"]["labels"]["team"], pod["metadata"]["labels"]["galley.job"]) == ("content", "generate-a")
    assert pod["metadata"]["labels"]["galley.key"] != "stolen"
    assert pod["spec"]["tolerations"] == [{"key": "batch", "operator": "Exists"}]
    assert {"name": "TZ", "value": "UTC"} in container["env"]
    assert container["image"] == settings.image("generation")
    assert (pod["spec"]["hostNetwork"], container["securityContext"]["privileged"]) == (False, False)


def test_a_hook_that_fails_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch, hook: None) -> None:
    from galley.airflow.runtimes import _adapted

    with pytest.raises(JobSpecError, match="pod_mutation_hook failed on a job's pod: IndexError"):
        _adapted({"kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": []}})


class Supervisor:
    """What a task asks in place of Airflow's API server."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def send(self, _message: object) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [ErrorResponse(error=ErrorType.API_SERVER_ERROR), OSError("gone")])
def test_no_other_cluster_is_taken_where_airflow_does_not_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    monkeypatch.setattr("airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS", Supervisor(answer), raising=False)
    with pytest.raises(JobInterrupted, match="does not say whether there is a connection 'galley_kubernetes'"):
        open_runtime("", settings)


def test_where_airflow_says_there_is_no_connection_the_environment_leads(
    server: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    absent = Supervisor(ErrorResponse(error=ErrorType.CONNECTION_NOT_FOUND))
    monkeypatch.setattr("airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS", absent, raising=False)
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig(server.server_port) | {"current-context": "mine"}))
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert asked(server, settings) == "/api/v1/namespaces/team-c/pods"
