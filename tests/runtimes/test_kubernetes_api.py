"""What refusals of an API server mean for a task, and how pods are asked for; the server is a small one of the test."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from galley.errors import JobInterrupted, JobSpecError
from galley.runtimes.kubernetes_api import Taken, pods

POD = {"kind": "Pod", "metadata": {"name": "galley-x-1", "uid": "u1"}}


class Server(ThreadingHTTPServer):
    """Answers every request with ``status`` and ``answer``, and keeps what was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.answer, self.asked = 200, b"{}", []

    def refuses(self, status, message, reason="Whatever"):
        self.status, self.answer = status, json.dumps({"kind": "Status", "message": message, "reason": reason}).encode()


class Handler(BaseHTTPRequestHandler):
    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    with Server() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{made.server_port}"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}}],
            "current-context": "x",
        }
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        yield made
        made.shutdown()


@pytest.mark.parametrize(
    ("status", "message", "kind", "told"),
    [
        (403, 'pods "x" is forbidden: exceeded quota: galley', JobInterrupted, "raise its quota"),
        (403, 'violates PodSecurity "restricted:latest": privileged', JobSpecError, "pod template"),
        (403, 'User "u" cannot create resource "pods"', JobSpecError, "kubectl apply -k docker/kubernetes"),
        (401, "Unauthorized", JobSpecError, "kubectl apply -k docker/kubernetes"),
        (404, 'namespaces "team-a" not found', JobSpecError, "GALLEY_KUBERNETES_NAMESPACE"),
        (422, "spec.containers[0].image: Required value", JobSpecError, "Required value"),
        (429, "too many requests", JobInterrupted, "try again"),
        (500, "etcdserver: leader changed", JobInterrupted, "try again"),
    ],
)
def test_a_refusal_says_whether_another_try_can_help_and_what_does(server, status, message, kind, told):
    server.refuses(status, message)
    with pytest.raises(kind, match=told) as error, pods("") as cluster:
        cluster.create(POD)
    assert message in str(error.value)


def test_what_is_no_api_server_says_what_it_said(server):
    server.status, server.answer = 502, b"<html>bad gateway</html>"
    with pytest.raises(JobInterrupted, match="502"), pods("") as cluster:
        cluster.list({"a": "b"})


def test_a_name_that_is_taken_is_no_failure(server):
    server.refuses(409, 'pods "galley-x-1" already exists', "AlreadyExists")
    with pods("") as cluster, pytest.raises(Taken):
        cluster.create(POD)


def test_what_is_gone_is_none_and_ends_quietly(server):
    server.refuses(404, 'pods "galley-x-1" not found', "NotFound")
    with pods("") as cluster:
        assert cluster.get("galley-x-1") is None
        cluster.end("galley-x-1")
        cluster.delete("galley-x-1", "u1")
        assert cluster.log("galley-x-1", "job", None) is None


@pytest.mark.parametrize("status", [400, 500, 503])
def test_a_log_that_nobody_can_give_now_may_be_had_later(server, status):
    server.refuses(status, "container is waiting to start")
    with pods("") as cluster:
        assert cluster.log("galley-x-1", "job", 60) is None


def test_pods_are_asked_for_in_the_namespace_of_the_configuration_or_the_one_given(server):
    server.answer = json.dumps({"items": [POD]}).encode()
    with pods("") as cluster:
        assert cluster.list({"galley.key": "k", "galley.store": "s"}) == [POD]
    with pods("team-b") as cluster:
        cluster.delete("galley-x-1", "u1")
    (_, listed, _), (verb, deleted, body) = server.asked
    assert listed.startswith("/api/v1/namespaces/team-a/pods?labelSelector=galley.key%3Dk%2Cgalley.store%3Ds")
    assert (verb, deleted) == ("DELETE", "/api/v1/namespaces/team-b/pods/galley-x-1")
    assert body == {"preconditions": {"uid": "u1"}}


def test_a_server_that_is_away_may_come_back(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(JobInterrupted, match="does not answer"), pods("") as cluster:
        cluster.list({})


def test_a_configuration_that_is_not_there_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(JobSpecError, match="set KUBECONFIG"), pods(""):
        pass
