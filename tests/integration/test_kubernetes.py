"""The Kubernetes runtime on a real cluster: what every runtime must do, what a job cannot do, and what fails clearly.

The cluster is the services' (`make services-up NAMES=kubernetes`), the image the echo engine's.
"""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from galley.errors import JobInterrupted, JobSpecError
from galley.exit_codes import meaning
from galley.items import Job, ModelSource, Resources
from galley.ledger import read_results
from galley.runtimes import Runtime, open_runtime
from galley.settings import Settings
from galley.storage import Zones
from galley.storage.local import local_root
from tests.integration.cluster import CLAIM, FOLDER, Cluster
from tests.integration.echo_image import NAME
from tests.integration.executed import published_by
from tests.integration.sandbox import a_listener, probe, sealed
from tests.integration.services.kubernetes_config import kubeconfig
from tests.integration.services.kubernetes_programs import PAUSE_IMAGE, compiled
from tests.jobs import put_job, request
from tests.pipeline import installation
from tests.runtimes.conformance import SLEEPER, RuntimeConformance, log, until, wait

MANIFESTS = Path(__file__).resolve().parents[2] / "docker" / "kubernetes"
MIB = 2**20
HUNGRY = "hoard = []\nwhile True:\n    hoard.append(bytearray(8 * 2**20))\n"
TRIES = """
attempt("write its specification", lambda: open({job!r}, "a"))
attempt("remove its specification", lambda: os.unlink({job!r}))
attempt("write beside its prefix", lambda: open({beside!r}, "w"))
attempt("read another run", lambda: open({other!r}))
attempt("read the account's token", lambda: open("/var/run/secrets/kubernetes.io/serviceaccount/token"))
"""
Job_ = tuple[Job, str]
StandIn = Callable[[str], Settings]


@pytest.fixture
def deployed(cluster: Cluster) -> Iterator[Callable[..., Settings]]:
    """Settings of an installation whose files pods see; its pods go at the end."""

    def deployed(root: str, **changes: Any) -> Settings:
        fields = {
            "home": cluster.files / root / "home",
            "runtime": "kubernetes",
            "image_generation": NAME,
            "image_compliance": NAME,
            "kubernetes_namespace": cluster.namespace,
            "kubernetes_volumes": {CLAIM: cluster.files},
        }
        return Settings(**fields | changes)

    yield deployed
    cluster.clear()


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A name of the test's own."""
    return tmp_path.name


@pytest.fixture
def settings(deployed: Callable[..., Settings], root: str) -> Settings:
    return deployed(root)


@pytest.fixture
def model(cluster: Cluster, root: str) -> ModelSource:
    from tests.jobs import source, text_model

    return source(text_model(cluster.files / root / "model"), engine="echo")


@pytest.fixture
def stand_in(cluster: Cluster, settings: Settings) -> StandIn:
    """Settings whose jobs run a program in place of the worker."""

    def replaced(program: str) -> Settings:
        return settings.model_copy(update={"kubernetes_pod_template": cluster.template(program)})

    return replaced


def with_resources(zones: Zones, job: Job_, **wanted: Any) -> Job_:
    spec, uri = job
    changed = spec.model_copy(update={"resources": Resources(**wanted)})
    store, key = zones.resolve(uri)
    store.put(key, changed.model_dump_json().encode())
    return changed, uri


def template(tmp_path: Path, **spec: Any) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "spec": spec}))
    return path


def own_pods(cluster: Cluster, job: Job) -> list[dict[str, Any]]:
    found = [pod for pod in cluster.pods() if pod["metadata"]["labels"].get("galley.job") == job.job]
    return sorted(found, key=lambda pod: int(pod["metadata"]["labels"]["galley.number"]))


class TestKubernetesRuntime(RuntimeConformance):
    @pytest.fixture
    def model(self, model: ModelSource) -> ModelSource:  # the conformance suite's lies where pods see nothing
        return model

    def test_an_unknown_execution_has_ended_without_a_code(self, runtime: Runtime) -> None:
        handle = f"galley-gone-1/{'0' * 8}-0000-0000-0000-{'0' * 12}"
        status = runtime.status(handle)
        assert (status.state, status.exit_code) == ("ended", None)
        assert runtime.logs(handle).lines == ()
        runtime.cancel(handle)

    def test_a_pod_of_another_installation_is_none_of_ours(
        self, sleeper: Any, job: Job_, deployed: Callable[..., Settings], root: str
    ) -> None:
        handle = sleeper.submit(*job)
        stranger: Any = open_runtime("", deployed(f"{root}-other"))
        assert stranger.find(job[0]) is None
        with pytest.raises(JobSpecError, match="not of this store"):
            stranger.cancel(handle)
        assert stranger.reap(lambda label: False) == []

    def test_a_pod_is_found_by_kubectl_under_its_job(self, cluster: Cluster, sleeper: Any, job: Job_) -> None:
        sleeper.submit(*job)
        (pod,) = own_pods(cluster, job[0])
        assert pod["metadata"]["annotations"]["galley.job"] == f"{job[0].run}/{job[0].job}"

    def test_a_killed_container_is_tried_again(self, cluster: Cluster, sleeper: Any, job: Job_) -> None:
        handle = sleeper.submit(*job)
        until(lambda: "started" in log(sleeper, handle))
        cluster.kill_container(own_pods(cluster, job[0])[-1], "job")
        assert wait(sleeper, handle) == 137
        assert meaning(137) == "again"

    def test_a_cancelled_job_keeps_its_log_and_its_exit_code(self, sleeper: Any, job: Job_) -> None:
        handle = sleeper.submit(*job)
        until(lambda: "started" in log(sleeper, handle))
        sleeper.cancel(handle)
        assert sleeper.status(handle).exit_code == 143
        assert log(sleeper, handle) == ["started"]

    def test_more_memory_than_the_job_asked_for_ends_it_and_it_is_tried_again(
        self, stand_in: StandIn, zones: Zones, job: Job_
    ) -> None:
        small = with_resources(zones, job, memory_bytes=48 * MIB)
        runtime = open_runtime("", stand_in(HUNGRY))
        code = wait(runtime, runtime.submit(*small))
        assert (code, meaning(code)) == (137, "again")

    def test_one_ended_execution_is_kept_beside_the_next(self, cluster: Cluster, runtime: Runtime, job: Job_) -> None:
        handles = []
        for _ in range(3):
            handles.append(runtime.submit(*job))
            assert wait(runtime, handles[-1]) == 0
        until(lambda: len(own_pods(cluster, job[0])) == 2)
        assert [pod["metadata"]["uid"] for pod in own_pods(cluster, job[0])] == [h.split("/")[1] for h in handles[1:]]

    def test_the_reaper_ends_what_nobody_waits_for_and_removes_what_is_old(
        self, sleeper: Any, zones: Zones, model: ModelSource, job: Job_
    ) -> None:
        other, other_uri = put_job(zones, [request("text", "x", model.digest)], model, run="run-2")
        wanted, orphan = sleeper.submit(*job), sleeper.submit(other, other_uri)
        until(lambda: "started" in log(sleeper, wanted))
        assert sleeper.reap(lambda label: label.startswith("run-1/")) == [f"run-2/{other.job}"]
        until(lambda: sleeper.status(orphan).exit_code is None)
        assert sleeper.status(wanted).state == "running"
        sleeper.cancel(wanted)
        assert sleeper.reap(lambda label: True) == []
        assert sleeper.reap(lambda label: True, older_than=0) == [f"run-1/{job[0].job}"]

    def test_from_inside_a_job_nothing_else_can_be_touched(
        self, stand_in: StandIn, zones: Zones, model: ModelSource, job: Job_
    ) -> None:
        spec, uri = job
        other, _ = put_job(zones, [request("text", "secret", model.digest)], model, run="run-2")
        tries = TRIES.format(
            job=str(local_root(uri)),
            beside=str(local_root(spec.prefix).parent / "intruder"),
            other=str(local_root(f"{other.prefix}/requests.jsonl")),
        )
        with a_listener() as (addresses, port):
            runtime = open_runtime("", stand_in(probe(tries, addresses, port)))
            handle = runtime.submit(spec, uri)
            assert wait(runtime, handle) == 0, log(runtime, handle)
        found = sealed(log(runtime, handle)[-1])
        assert found["tried"]["read another run"] == "No such file or directory"


class TestWhatFailsClearly:
    @pytest.fixture
    def zones(self, settings: Settings) -> Zones:
        return Zones.from_settings(settings)

    @pytest.fixture
    def job(self, zones: Zones, model: ModelSource) -> Job_:
        return put_job(zones, [request("text", "hello", model.digest)], model)

    def failing(self, cluster: Cluster, settings: Settings, job: Job_) -> Exception:
        """What the task is told; afterwards nothing is left."""
        runtime = open_runtime("", settings)
        handle = runtime.submit(*job)
        with pytest.raises((JobSpecError, JobInterrupted)) as told:
            wait(runtime, handle)
        until(lambda: own_pods(cluster, job[0]) == [])
        assert runtime.status(handle).state == "ended"
        return told.value

    def test_an_image_that_cannot_be_pulled(self, cluster: Cluster, settings: Settings, job: Job_) -> None:
        missing = {"image_generation": "127.0.0.1:9/galley/none:1", "kubernetes_start_timeout": 20.0}
        told = self.failing(cluster, settings.model_copy(update=missing), job)
        assert isinstance(told, JobInterrupted)
        assert 'did not begin within 20 seconds, image "127.0.0.1:9/galley/none:1": ' in str(told)
        assert "ErrImagePull" in str(told) or "ImagePullBackOff" in str(told)

    def test_an_image_whose_name_is_none(self, cluster: Cluster, settings: Settings, job: Job_) -> None:
        told = self.failing(cluster, settings.model_copy(update={"image_generation": "Not/A/Name"}), job)
        assert isinstance(told, JobSpecError)
        assert "InvalidImageName" in str(told)

    def test_an_image_that_is_none_of_ours(self, cluster: Cluster, settings: Settings, job: Job_) -> None:
        told = self.failing(cluster, settings.model_copy(update={"image_generation": PAUSE_IMAGE}), job)
        assert isinstance(told, JobSpecError)
        assert '"python": executable file not found' in str(told)

    def test_a_gpu_that_is_not_there(self, cluster: Cluster, settings: Settings, zones: Zones, job: Job_) -> None:
        greedy = with_resources(zones, job, gpu=1)
        told = self.failing(cluster, settings.model_copy(update={"kubernetes_start_timeout": 10.0}), greedy)
        assert isinstance(told, JobInterrupted)
        assert "Insufficient nvidia.com/gpu" in str(told)

    @pytest.mark.parametrize(
        ("loose", "named"),
        [
            ({"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}, "hostPath"),
            ({"containers": [{"name": "other", "image": NAME, "securityContext": {"runAsUser": 0}}]}, "runAsUser=0"),
            ({"hostIPC": True, "containers": [{"name": "other", "image": NAME}]}, "unrestricted capabilities"),
        ],
    )
    def test_a_template_that_the_profile_forbids(
        self, settings: Settings, job: Job_, tmp_path: Path, loose: dict[str, Any], named: str
    ) -> None:
        runtime = open_runtime("", settings.model_copy(update={"kubernetes_pod_template": template(tmp_path, **loose)}))
        with pytest.raises(JobSpecError, match=f"violates PodSecurity.*{named}.*pod template"):
            runtime.submit(*job)

    def test_an_account_without_rights(
        self, cluster: Cluster, settings: Settings, job: Job_, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts/default/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = cluster.ask("POST", path, request)["status"]["token"]
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig_of(token, tmp_path / "config")))
        with pytest.raises(JobSpecError, match=r"cannot list resource .pods.*kubectl apply -k docker/kubernetes"):
            open_runtime("", settings).submit(*job)

    def test_a_token_that_nobody_knows(
        self, cluster: Cluster, settings: Settings, job: Job_, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig_of("nobody", tmp_path / "config")))
        with pytest.raises(JobSpecError, match="Unauthorized"):
            open_runtime("", settings).submit(*job)

    def test_a_namespace_that_is_not_there(self, settings: Settings, job: Job_) -> None:
        runtime = open_runtime("", settings.model_copy(update={"kubernetes_namespace": "nowhere"}))
        with pytest.raises(JobSpecError, match="namespace nowhere, or set GALLEY_KUBERNETES_NAMESPACE"):
            runtime.submit(*job)

    def test_no_cluster_at_all(
        self, settings: Settings, job: Job_, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        with pytest.raises(JobSpecError, match="set KUBECONFIG"):
            open_runtime("", settings).submit(*job)

    def test_files_that_pods_do_not_see(self, settings: Settings, job: Job_) -> None:
        runtime = open_runtime("", settings.model_copy(update={"kubernetes_volumes": {}}))
        with pytest.raises(JobSpecError, match="set GALLEY_KUBERNETES_VOLUMES"):
            runtime.submit(*job)


class TestWhatDies:
    """A job goes on, or is done again to the same bytes, whatever part of the cluster is killed."""

    @pytest.fixture
    def zones(self, settings: Settings) -> Zones:
        return Zones.from_settings(settings)

    @pytest.fixture
    def job(self, zones: Zones, model: ModelSource) -> Job_:
        return put_job(zones, [request("text", f"text {n}", model.digest) for n in range(8)], model)

    @pytest.mark.parametrize("component", ["kubelet", "api-server", "containerd"])
    def test_a_job_goes_on(self, cluster: Cluster, stand_in: StandIn, zones: Zones, job: Job_, component: str) -> None:
        spec, uri = job
        go = local_root(spec.prefix) / "go"
        program = (
            "import os, sys, time\nprint('started', file=sys.stderr, flush=True)\n"
            f"while not os.path.exists({str(go)!r}):\n    time.sleep(0.05)\n"
            "sys.path.insert(0, '/opt/galley/include')\nimport runpy\n"
            f"sys.argv = ['galley.worker', 'generate', '--job', {uri!r}]\n"
            "runpy.run_module('galley.worker', run_name='__main__')\n"
        )
        runtime = open_runtime("", stand_in(program))
        handle = runtime.submit(spec, uri)
        until(lambda: "started" in log(runtime, handle))
        cluster.kill(component)
        try:
            if component == "api-server":
                with pytest.raises(JobInterrupted):
                    runtime.status(handle)
            else:
                assert runtime.status(handle).state == "running"
                assert runtime.submit(spec, uri) == handle
            go.touch()
        finally:
            cluster.start(component)
        assert until(lambda: _found(runtime, spec)) in (handle, "ended")
        code = until(lambda: _ended(runtime, handle))[0]
        assert code == 0 or meaning(code) == "again"
        if code != 0:
            assert wait(runtime, runtime.submit(spec, uri)) == 0
        store, key = zones.resolve(spec.prefix)
        assert len(read_results(store, f"{key}/results", check="sha256").lines) == 8
        assert len(own_pods(cluster, spec)) <= 2


def _found(runtime: Runtime, job: Job) -> str:
    """The handle of the job under way, or ``ended``; "" while the cluster does not answer."""
    try:
        return runtime.find(job) or "ended"
    except JobInterrupted:
        return ""


def _ended(runtime: Runtime, handle: str) -> tuple[int | None] | None:
    try:
        status = runtime.status(handle)
    except JobInterrupted:
        return None
    return (status.exit_code,) if status.state == "ended" else None


def test_a_run_in_pods_publishes_the_same_bytes_as_one_in_processes(
    cluster: Cluster, deployed: Callable[..., Settings], root: str, tmp_path: Path
) -> None:
    found = {}
    for name, place in (("process", tmp_path), ("kubernetes", cluster.files / root)):
        pods = deployed(root)
        settings = installation(
            place / name,
            runtime=name,
            worker_python=Path(sys.executable),
            image_generation=NAME,
            image_compliance=NAME,
            kubernetes_namespace=pods.kubernetes_namespace,
            kubernetes_volumes=pods.kubernetes_volumes,
        )
        found[name] = published_by(settings)
    assert found["kubernetes"] == found["process"]
    assert found["kubernetes"][0]


class TestManifests:
    """``docker/kubernetes``, as the API server sees it."""

    @pytest.fixture
    def kubectl(self) -> str:
        made = compiled()
        if made is None:
            pytest.skip("Kubernetes is not compiled yet; run: make services-up NAMES=kubernetes")
        return str(made / "kubectl")

    @pytest.fixture
    def manifests(self, kubectl: str) -> list[dict[str, Any]]:
        done = subprocess.run([kubectl, "kustomize", str(MANIFESTS)], capture_output=True, text=True, check=True)
        return list(yaml.safe_load_all(done.stdout))

    def test_the_api_server_takes_all_of_them(
        self, kubectl: str, cluster: Cluster, manifests: list[dict[str, Any]]
    ) -> None:
        command = [kubectl, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", str(MANIFESTS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(manifests)
        assert "warning" not in done.stderr.lower()

    def test_a_runtime_needs_no_right_beyond_those_given(
        self, cluster: Cluster, manifests: list[dict[str, Any]], stand_in: StandIn, settings: Settings,
        model: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        paths = {
            "ServiceAccount": f"/api/v1/namespaces/{cluster.namespace}/serviceaccounts",
            "Role": f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/roles",
            "RoleBinding": f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/rolebindings",
        }
        worker = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "galley-worker"}}
        for each in [*manifests, worker]:  # the chart makes the worker's
            if path := paths.get(each["kind"]):
                text = yaml.safe_dump(each).replace("namespace: galley\n", f"namespace: {cluster.namespace}\n")
                cluster.ask("POST", path, yaml.safe_load(text))
        request_token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = cluster.ask("POST", f"{paths['ServiceAccount']}/galley-worker/token", request_token)["status"]["token"]
        mine = cluster.kubeconfig_of(token, tmp_path / "config")
        monkeypatch.setenv("KUBECONFIG", str(mine))
        ours = settings.model_copy(update={"kubernetes_pod_template": MANIFESTS / "pod-template.yaml"})
        zones = Zones.from_settings(settings)
        job = put_job(zones, [request("text", "hello", model.digest)], model)
        runtime: Any = open_runtime("", ours)
        until(lambda: _allowed(runtime, job[0]))  # the API server learns of a role a moment later
        handle = runtime.submit(*job)
        assert wait(runtime, handle) == 0, log(runtime, handle)
        assert log(runtime, handle)
        (pod,) = own_pods(cluster, job[0])
        assert pod["spec"]["serviceAccountName"] == "galley-job"
        assert runtime.reap(lambda label: False, older_than=0) == [f"{job[0].run}/{job[0].job}"]
        sleeper = open_runtime("", stand_in(SLEEPER.format(stubborn=False)))
        handle = sleeper.submit(*job)
        until(lambda: "started" in log(sleeper, handle))
        sleeper.cancel(handle)
        for resource in ("secrets", "configmaps", "serviceaccounts"):
            with pytest.raises(HTTPError, match="403"):
                ask_as(cluster, token, f"/api/v1/namespaces/{cluster.namespace}/{resource}")

    def test_the_chart_s_values_name_what_is_there(self, manifests: list[dict[str, Any]]) -> None:
        values = yaml.safe_load((MANIFESTS / "values.yaml").read_text())
        fields = {f"GALLEY_{name}".upper() for name in Settings.model_fields}
        assert {each["name"] for each in values["env"] if each["name"].startswith("GALLEY_")} <= fields
        (binding,) = [each for each in manifests if each["kind"] == "RoleBinding"]
        bound = {each["name"] for each in binding["subjects"]}
        assert bound == {values[name]["serviceAccount"]["name"] for name in ("scheduler", "triggerer", "workers")}
        named = {each["persistentVolumeClaim"]["claimName"] for each in values["volumes"] if "configMap" not in each}
        named |= {each["configMap"]["name"] for each in values["volumes"] if "configMap" in each}
        kinds = ("PersistentVolumeClaim", "ConfigMap")
        assert named == {each["metadata"]["name"] for each in manifests if each["kind"] in kinds}


def _allowed(runtime: Runtime, job: Job) -> bool:
    try:
        runtime.find(job)
    except JobSpecError:
        return False
    return True


def ask_as(cluster: Cluster, token: str, path: str) -> bytes:
    """The API server, as somebody."""
    config = kubeconfig(FOLDER, token, cluster.namespace)["clusters"][0]["cluster"]
    asked = Request(config["server"] + path, headers={"Authorization": f"Bearer {token}"})
    context = ssl.create_default_context(cafile=config["certificate-authority"])
    with urlopen(asked, timeout=30, context=context) as answer:
        found: bytes = answer.read()
    return found
