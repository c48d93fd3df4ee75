"""What is read off a pod, as API servers describe pods."""

from datetime import UTC, datetime

import pytest

from galley.runtimes.kubernetes_state import ended_at, state

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MADE = "2026-11-26T11:00:00Z"


def a_pod(phase, job=None, gate=None, conditions=(), **metadata):
    status = {"phase": phase, "conditions": list(conditions)}
    if job is not None:
        status["containerStatuses"] = [{"name": "another", "state": {"running": {}}}, {"name": "job", "state": job}]
    if gate is not None:
        status["initContainerStatuses"] = [{"name": "gate", "state": gate}]
    return {"metadata": {"creationTimestamp": MADE, **metadata}, "status": status}


@pytest.mark.parametrize("code", [0, 65, 137])
def test_a_job_has_ended_when_its_container_has_whatever_its_neighbours_do(code):
    found = state(a_pod("Running", {"terminated": {"exitCode": code, "reason": "Whatever"}}), NOW)
    assert (found.ended, found.exit_code, found.begun) == (True, code, True)


def test_a_pod_that_failed_without_a_container_has_ended_without_a_code():
    found = state({**a_pod("Failed"), "status": {"phase": "Failed", "reason": "Evicted", "message": "disk"}}, NOW)
    assert (found.ended, found.exit_code, found.why) == (True, None, "Evicted: disk")


def test_a_running_job_runs_while_it_is_being_deleted_until_its_node_must_be_gone():
    assert not state(a_pod("Running", {"running": {}}), NOW).ended
    assert not state(a_pod("Running", {"running": {}}, deletionTimestamp="2026-11-26T11:59:00Z"), NOW).ended
    found = state(a_pod("Running", {"running": {}}, deletionTimestamp="2026-11-26T11:57:00Z"), NOW)
    assert (found.ended, found.exit_code) == (True, None)


@pytest.mark.parametrize(
    ("reason", "hopeless"), [("ImagePullBackOff", False), ("ErrImageNeverPull", True), ("InvalidImageName", True)]
)
def test_what_a_pod_waits_for_is_said_in_the_clusters_words(reason, hopeless):
    found = state(a_pod("Pending", {"waiting": {"reason": reason, "message": "no such host"}}), NOW)
    assert (found.ended, found.begun, found.why, found.hopeless) == (False, False, f"{reason}: no such host", hopeless)


def test_a_job_behind_its_gate_waits_for_what_the_gate_waits_for():
    waiting = {"waiting": {"reason": "PodInitializing"}}
    found = state(
        a_pod("Pending", waiting, {"waiting": {"reason": "CreateContainerConfigError", "message": "no x"}}), NOW
    )
    assert found.why == "CreateContainerConfigError: no x"


def test_a_pod_without_a_node_says_why():
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    assert state(a_pod("Pending", conditions=[condition]), NOW).why == "Unschedulable: 0/1 nodes"
    assert state(a_pod("Pending"), NOW).why == ""


def test_a_program_that_is_not_there_will_never_be():
    found = state(
        a_pod("Failed", {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no python"}}), NOW
    )
    assert (found.ended, found.exit_code, found.begun, found.hopeless) == (True, None, False, True)


def test_when_a_job_ended():
    ended = {"terminated": {"exitCode": 0, "finishedAt": "2026-11-26T11:30:00Z"}}
    assert ended_at(a_pod("Succeeded", ended)) == "2026-11-26T11:30:00Z"
    assert ended_at(a_pod("Failed")) == MADE
