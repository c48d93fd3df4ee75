"""The services' Kubernetes cluster as tests use it: a namespace of their own, files, and what they do to its parts."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import yaml

from tests.integration.services.base import HOME, PATIENCE
from tests.integration.services.kubernetes import COMPONENTS, Kubernetes, api, apply, kubectl, namespace, secret, volume
from tests.integration.services.kubernetes_config import kubeconfig
from tests.integration.services.kubernetes_programs import compiled
from tests.integration.services.kubernetes_store import KEYS, Relay

FOLDER = HOME / "kubernetes"
CLAIM, PROGRAMS = "test-files", "test-programs"
SHIM = '#!/bin/sh\nexec python3 /shim/program.py "$@"\n'


class NotThere(Exception):
    """There is no cluster, and none can be had at once."""


@dataclass
class Cluster:
    """A running cluster and a namespace in it.

    Attributes:
        namespace: of the ``restricted`` profile.
        files: directory here that the claim `CLAIM` holds.
        programs: directory here that the claim `PROGRAMS` holds.
    """

    namespace: str
    files: Path
    programs: Path

    @classmethod
    @contextmanager
    def running(cls, files: Path) -> Iterator[Cluster]:
        """The cluster; it ends where it was not up before. Raises `NotThere`."""
        if compiled() is None:
            raise NotThere("Kubernetes is not compiled yet; run: make services-up NAMES=kubernetes")
        service, name = Kubernetes(), f"test-{secrets.token_hex(4)}"
        mine = not service.running(FOLDER)
        service.up(FOLDER)
        made = cls(name, files / "files", files / "programs")
        try:
            namespace(FOLDER, name)
            for claim, path in ((CLAIM, made.files), (PROGRAMS, made.programs)):
                path.mkdir()
                volume(FOLDER, name, claim, path)
            yield made
        finally:
            made.ask("DELETE", f"/api/v1/namespaces/{name}")
            if mine:
                service.down(FOLDER)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return FOLDER / "admin.conf"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The API server, as its administrator."""
        return api(FOLDER, method, path, body)

    def volume(self, claim: str, path: Path) -> None:
        """A further claim in the namespace, that holds a directory here."""
        volume(FOLDER, self.namespace, claim, path)

    def keys(self, name: str, environment: Mapping[str, str]) -> None:
        """A secret with a store's keys, for gates."""
        secret(FOLDER, self.namespace, name, {key: environment[key] for key in KEYS})

    @contextmanager
    def sealed(self, store: str = "") -> Iterator[None]:
        """``docker/kubernetes`` laid upon the namespace, its network policies with it; gates reach this URL."""
        apply(FOLDER, self.namespace, store)
        try:
            yield
        finally:
            kubectl(FOLDER, "delete", "networkpolicy", "--all", "--namespace", self.namespace)

    def pods(self) -> list[dict[str, Any]]:
        """Of the namespace."""
        found: list[dict[str, Any]] = self.ask("GET", f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        return found

    def clear(self) -> None:
        """Remove all pods at once."""
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        self.ask("DELETE", f"{path}?gracePeriodSeconds=1")
        end = time.monotonic() + PATIENCE
        while self.pods():  # else they would still be counted against the node
            assert time.monotonic() < end, "pods stay"
            time.sleep(0.1)

    def kubeconfig_of(self, token: str, path: Path) -> Path:
        """That of another account."""
        path.write_text(yaml.safe_dump(kubeconfig(FOLDER, token, self.namespace)))
        return path

    def load(self, archive: IO[bytes]) -> None:
        """Give the node images."""
        Kubernetes().load(FOLDER, archive)

    def kill(self, component: str) -> None:
        """SIGKILL a part of it."""
        COMPONENTS[component].kill(FOLDER / component)

    def start(self, component: str) -> None:
        """Start a part that was killed."""
        COMPONENTS[component].up(FOLDER / component)

    def tasks(self) -> list[str]:
        """Ids of the node's containers that run."""
        command = ["ctr", "-a", str(FOLDER / "containerd" / "socket"), "-n", "k8s.io", "tasks", "list"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
        return [line.split()[0] for line in lines if "RUNNING" in line]

    def kill_container(self, pod: dict[str, Any], container: str) -> None:
        """SIGKILL a container of a pod, behind the cluster's back."""
        status = pod["status"]
        each = [*status["containerStatuses"], *status.get("initContainerStatuses", ())]
        (found,) = [entry["containerID"] for entry in each if entry["name"] == container]
        command = ["ctr", "-a", str(FOLDER / "containerd" / "socket"), "-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL"]
        subprocess.run([*command, found.removeprefix("containerd://")], check=True, capture_output=True)

    def template(self, program: str) -> Path:
        """A pod template with a Python program in place of whatever ``python`` is to run."""
        name = sha256(program.encode()).hexdigest()[:12]
        folder = self.programs / name
        if not folder.exists():
            folder.mkdir()
            (folder / "program.py").write_text(program)
            (folder / "python").write_text(SHIM)
            (folder / "python").chmod(0o755)
        mount = {"name": "shim", "mountPath": "/shim", "subPath": name, "readOnly": True}
        path = {"name": "PATH", "value": "/shim:/usr/local/bin:/usr/bin:/bin"}
        spec = {
            "containers": [{"name": "job", "env": [path], "volumeMounts": [mount]}],
            "volumes": [{"name": "shim", "persistentVolumeClaim": {"claimName": PROGRAMS, "readOnly": True}}],
        }
        template = self.programs / f"{name}.yaml"
        template.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "spec": spec}))
        return template


@contextmanager
def seen_by_pods(port: int) -> Iterator[str]:
    """Lead pods, and this machine, to a port of 127.0.0.1; the URL there."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        try:
            yield Relay().lead(folder, port)
        finally:
            Relay().down(folder)
