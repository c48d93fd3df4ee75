"""The manifest of a job's pod."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.errors import JobSpecError
from galley.items import Job, Resources
from galley.runtimes.kubernetes_pod import GPU, Gate, PodParts, job_key, manifest, merge, pod_name
from galley.runtimes.local_grants import Mount

STORE = "0123456789abcdef"
STORE_DIRECTORY = Path("/srv/galley/store")
TEMPLATE = {
    "metadata": {"annotations": {"team": "content"}, "labels": {"galley.job": "stolen"}},
    "spec": {
        "serviceAccountName": "galley-job",
        "automountServiceAccountToken": True,
        "hostPID": True,
        "nodeSelector": {"pool": "batch"},
        "tolerations": [{"key": "batch", "operator": "Exists"}],
        "securityContext": {"runAsUser": 0, "fsGroup": 2000},
        "volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "tmp", "emptyDir": {"medium": ""}}],
        "containers": [
            {
                "name": "job",
                "image": "elsewhere",
                "command": ["sh"],
                "env": [{"name": "TZ", "value": "UTC"}, {"name": "HOME", "value": "/root"}],
                "resources": {"limits": {"memory": "1Ti", "example.org/fpga": "1"}},
                "securityContext": {
                    "privileged": True,
                    "capabilities": {"add": ["NET_ADMIN"]},
                    "procMount": "Unmasked",
                },
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
    },
}


def a_job(**changes):
    fields = {"job": "generate-toy-00", "run": "run-1", "command": "generate", "prefix": "file:///srv/galley/store/j"}
    return Job(**fields | changes)


def parts(**changes):
    fields = {
        "uri": "file:///srv/galley/store/j/job.json",
        "image": "localhost/galley/dify-generation:1",
        "store": STORE,
        "user": (10001, 10001),
        "environment": {"HOME": "/tmp"},
        "mounts": [],
        "volumes": {"galley-store": STORE_DIRECTORY},
        "gate": None,
        "template": {},
    }
    return PodParts(**fields | changes)


def worker(pod):
    return next(each for each in pod["spec"]["containers"] if each["name"] == "job")


def test_a_pod_asks_for_what_its_job_asks_for():
    pod = manifest(a_job(resources=Resources(cpu=1.5, memory_bytes=2**30, gpu=2)), 1, parts())
    resources = worker(pod)["resources"]
    assert resources["limits"] == resources["requests"] == {"cpu": "1.5", "memory": str(2**30), GPU: "2"}
    assert pod["spec"]["tolerations"] == [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]


def test_a_pod_with_a_gate_asks_for_no_more_cores_than_its_job():
    gate = Gate(command=["python"], environment={}, secret="galley-store", image="gate")
    pod = manifest(a_job(resources=Resources(cpu=2)), 1, parts(gate=gate))
    asked = [each["resources"]["requests"]["cpu"] for each in (worker(pod), *pod["spec"]["initContainers"])]
    assert asked == ["1950m", "50m"]
    assert worker(pod)["resources"]["limits"]["cpu"] == "2"


def test_one_claim_is_one_volume_however_much_of_it_is_mounted():
    models = Path("/srv/galley/store/models")
    mounts = [
        Mount(STORE_DIRECTORY / "j", False),
        Mount(STORE_DIRECTORY / "j/job.json", True),
        Mount(models / "toy", True),
    ]
    pod = manifest(a_job(), 1, parts(mounts=mounts, volumes={"galley-store": STORE_DIRECTORY, "models": models}))
    claims = {each["name"]: each["persistentVolumeClaim"]["claimName"] for each in pod["spec"]["volumes"][1:]}
    assert sorted(claims.values()) == ["galley-store", "models"]
    seen = [
        (claims[each["name"]], each["subPath"], each["mountPath"], each["readOnly"])
        for each in worker(pod)["volumeMounts"][1:]
    ]
    assert seen == [
        ("galley-store", "j", "/srv/galley/store/j", False),
        ("galley-store", "j/job.json", "/srv/galley/store/j/job.json", True),
        ("models", "toy", "/srv/galley/store/models/toy", True),  # the nearest volume
    ]


def test_a_volume_s_own_directory_is_mounted_whole():
    pod = manifest(a_job(), 1, parts(mounts=[Mount(STORE_DIRECTORY, True)]))
    assert "subPath" not in worker(pod)["volumeMounts"][1]


def test_what_no_volume_holds_is_named_with_the_remedy():
    with pytest.raises(JobSpecError, match="pods do not see /srv/models/toy; set GALLEY_KUBERNETES_VOLUMES"):
        manifest(a_job(), 1, parts(mounts=[Mount(Path("/srv/models/toy"), True)]))


def test_a_template_adds_and_never_loosens():
    plain, pod = manifest(a_job(), 1, parts()), manifest(a_job(), 1, parts(template=TEMPLATE))
    spec, job = pod["spec"], worker(pod)
    assert spec["serviceAccountName"] == "galley-job"
    assert spec["nodeSelector"] == {"pool": "batch"}
    assert spec["tolerations"] == TEMPLATE["spec"]["tolerations"]
    assert pod["metadata"]["annotations"]["team"] == "content"
    assert {"name": "TZ", "value": "UTC"} in job["env"]
    assert {"name": "scratch", "mountPath": "/scratch"} in job["volumeMounts"]
    assert job["resources"]["limits"]["example.org/fpga"] == "1"
    # Ours holds.
    assert pod["metadata"]["labels"] == plain["metadata"]["labels"]
    assert (job["image"], job["command"]) == (worker(plain)["image"], worker(plain)["command"])
    assert job["securityContext"] == worker(plain)["securityContext"]
    assert spec["securityContext"] == {**plain["spec"]["securityContext"], "fsGroup": 2000}
    assert {"name": "HOME", "value": "/tmp"} in job["env"]
    assert {"name": "HOME", "value": "/root"} not in job["env"]
    assert job["resources"]["limits"]["memory"] == str(a_job().resources.memory_bytes)
    assert not spec["hostPID"]
    assert not spec["automountServiceAccountToken"]
    assert spec["volumes"][0] == plain["spec"]["volumes"][0]


def test_tolerations_of_a_template_stay_beside_those_of_a_gpu():
    pod = manifest(a_job(resources=Resources(gpu=1)), 1, parts(template=TEMPLATE))
    assert [each["key"] for each in pod["spec"]["tolerations"]] == ["batch", GPU]


@given(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,100}", fullmatch=True), st.integers(1, 10**6))
def test_names_and_labels_are_such_as_the_api_server_takes(name, number):
    job = a_job(job=name)
    metadata = manifest(job, number, parts())["metadata"]
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", metadata["name"])
    assert len(metadata["name"]) <= 63
    for value in metadata["labels"].values():
        assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", value)
        assert len(value) <= 63


def test_jobs_of_two_runs_or_two_stores_have_names_of_their_own():
    other = a_job(run="run-2")
    names = {pod_name(a_job(), STORE, 1), pod_name(other, STORE, 1), pod_name(a_job(), "f" * 16, 1)}
    assert len(names) == 3
    assert job_key(a_job(), STORE) != job_key(other, STORE)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda each: st.dictionaries(st.text(), each)))
def test_laid_upon_itself_or_nothing_a_manifest_stays(value):
    assert merge(value, value) == value
    if isinstance(value, dict):
        assert merge({}, value) == merge(value, {}) == value
