"""A whole Kubernetes cluster of one node: etcd, API server, controller manager, scheduler, containerd, kubelet, and
kube-router's firewall, which enforces network policies.

Everything listens on loopback, but pods, which have a bridge of their own without a way out of this machine. The
cluster is a new one after each `up`, with ``docker/kubernetes`` applied to it; images stay. It needs root, and from
Debian ``containerd runc containernetworking-plugins openssl iptables ipset``. A machine has one such cluster at a time:
the bridge says whose it is.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tests.integration.services import kubernetes_policies
from tests.integration.services.base import PATIENCE, Server, Unavailable, listens
from tests.integration.services.kubernetes_config import (
    BRIDGE,
    GATEWAY,
    NAMESPACE,
    NODE,
    PLUGINS,
    SERVICES_SUBNET,
    SUBNET,
    prepare,
    socket,
)
from tests.integration.services.kubernetes_programs import pause_archive, policy_engine, programs

CHECKOUT = Path(__file__).resolve().parents[3]
MANIFESTS = CHECKOUT / "docker" / "kubernetes"
CLAIM = "galley-checkout"
"""Holds this checkout, in `NAMESPACE`."""
_NEEDED = {
    **{"containerd": "containerd", "ctr": "containerd", "runc": "runc", "openssl": "openssl", "ip": "iproute2"},
    **kubernetes_policies.NEEDED,
}
_ALONE = "import signal, subprocess, sys; signal.signal(15, lambda *_: None); sys.exit(subprocess.call(sys.argv[1:]))"
"""Runs a program without our lock, for what it starts outlives it."""


class Component(Server):
    """One process of the cluster, in a folder below the cluster's."""

    def __init__(self, name: str, arguments: Callable[[Path, dict[str, Any]], list[str]], port: str = "") -> None:
        self.name, self._arguments, self._port = name, arguments, port

    def install(self) -> None:
        """The cluster does that."""

    def facts(self, folder: Path) -> dict[str, Any]:
        """The cluster's."""
        found: dict[str, Any] = json.loads((folder.parent / "facts.json").read_text())
        return found

    def command(self, folder: Path, facts: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
        """In its folder of the cluster's."""
        return self._arguments(folder.parent, facts), {}

    def answers(self, facts: dict[str, Any]) -> bool:
        """Whether it listens, where it does."""
        return not self._port or listens(facts[self._port])

    def exports(self, facts: dict[str, Any]) -> dict[str, str]:
        """Nothing by itself."""
        return {}


def _etcd(home: Path, facts: dict[str, Any]) -> list[str]:
    client, peer = f"https://127.0.0.1:{facts['etcd']}", f"http://127.0.0.1:{facts['peer']}"
    flags = {
        "name": NODE, "data-dir": home / "etcd" / "data", "log-level": "warn", "unsafe-no-fsync": "true",
        "listen-client-urls": client, "advertise-client-urls": client,
        "listen-peer-urls": peer, "initial-advertise-peer-urls": peer, "initial-cluster": f"{NODE}={peer}",
        "cert-file": home / "tls.crt", "key-file": home / "tls.key",
        "trusted-ca-file": home / "ca.crt", "client-cert-auth": "true",
    }  # fmt: skip
    return _command("etcd", flags)


def _api_server(home: Path, facts: dict[str, Any]) -> list[str]:
    flags = {
        "etcd-servers": f"https://127.0.0.1:{facts['etcd']}",
        "etcd-cafile": home / "ca.crt", "etcd-certfile": home / "tls.crt", "etcd-keyfile": home / "tls.key",
        "bind-address": "127.0.0.1", "secure-port": facts["api"], "advertise-address": GATEWAY,
        "tls-cert-file": home / "tls.crt", "tls-private-key-file": home / "tls.key", "cert-dir": home,
        "token-auth-file": home / "tokens.csv", "authorization-mode": "RBAC", "anonymous-auth": "false",
        "kubelet-client-certificate": home / "tls.crt", "kubelet-client-key": home / "tls.key",
        "kubelet-preferred-address-types": "Hostname",
        "service-account-issuer": "https://kubernetes.default.svc", "service-account-key-file": home / "accounts.pub",
        "service-account-signing-key-file": home / "accounts.key", "service-cluster-ip-range": SERVICES_SUBNET,
        "endpoint-reconciler-type": "none",
    }  # fmt: skip
    return _command("kube-apiserver", flags)


def _controllers(home: Path, facts: dict[str, Any]) -> list[str]:
    flags = {
        "kubeconfig": home / "controllers.conf", "service-account-private-key-file": home / "accounts.key",
        "root-ca-file": home / "ca.crt", "use-service-account-credentials": "true",
        "leader-elect": "false", "bind-address": "127.0.0.1", "secure-port": 0,
    }  # fmt: skip
    return _command("kube-controller-manager", flags)


def _scheduler(home: Path, facts: dict[str, Any]) -> list[str]:
    flags = {"kubeconfig": home / "scheduler.conf", "leader-elect": "false", "secure-port": 0}
    return _command("kube-scheduler", flags)


def _containerd(home: Path, facts: dict[str, Any]) -> list[str]:
    return [sys.executable, "-c", _ALONE, "containerd", "--config", str(home / "containerd.toml")]


def _kubelet(home: Path, facts: dict[str, Any]) -> list[str]:
    flags = {
        "config": home / "kubelet.json", "kubeconfig": home / "kubelet.conf", "root-dir": home / "kubelet" / "root",
        "cert-dir": home / "kubelet" / "pki", "hostname-override": NODE,
    }  # fmt: skip
    return _command("kubelet", flags)


def _policies(home: Path, facts: dict[str, Any]) -> list[str]:
    return kubernetes_policies.command(home)


COMPONENTS = {
    component.name: component
    for component in (
        Component("etcd", _etcd, "etcd"),
        Component("api-server", _api_server, "api"),
        Component("controller-manager", _controllers),
        Component("scheduler", _scheduler),
        Component("containerd", _containerd),
        Component("kubelet", _kubelet, "kubelet"),
        Component("policies", _policies),
    )
}
"""In the order in which they start."""


class Kubernetes:
    """A `tests.integration.services.base.Service`: the cluster, and in it a namespace whose pods see this checkout."""

    name = "kubernetes"

    def install(self) -> None:
        """Compile it: fifteen minutes of CPU, 480 MB."""
        if os.geteuid() != 0:
            raise Unavailable("a kubelet and a containerd need root")
        missing = {package for program, package in _NEEDED.items() if shutil.which(program) is None}
        if not (PLUGINS / "bridge").exists():
            missing.add("containernetworking-plugins")
        if missing:
            raise Unavailable(
                f"{', '.join(sorted(missing))} missing; on Debian: apt install {' '.join(sorted(missing))}"
            )
        programs()
        policy_engine()

    def up(self, folder: Path) -> None:
        """Start a new cluster and wait until its node is ready; nothing happens where one runs."""
        if self.running(folder):
            return
        self.install()
        self.down(folder)
        self._take_over(folder)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for old in ("etcd", "kubelet", "cni"):
            shutil.rmtree(folder / old, ignore_errors=True)
        prepare(folder)
        _bridge(folder)
        for name, component in COMPONENTS.items():
            (folder / name).mkdir(exist_ok=True)
            component.up(folder / name)
            if name == "containerd":
                _wait(lambda: _ctr(folder, "version").returncode == 0, folder, name)
                _load(folder, pause_archive())
            elif name == "api-server":
                _wait(lambda: api(folder, "GET", "/readyz", text=True) == "ok", folder, name)
            elif name == "kubelet":
                _wait(lambda: _ready(folder), folder, name)
            elif name == "policies":
                _wait(lambda: bool(kubernetes_policies.chains()), folder, name)
        _furnish(folder)

    def down(self, folder: Path) -> None:
        """End it and all pods with it."""
        if not folder.exists():
            return
        for name in reversed(COMPONENTS):
            if name == "containerd" and COMPONENTS[name].running(folder / name):
                _end_pods(folder)
            COMPONENTS[name].down(folder / name)
        _clear(folder)

    def _take_over(self, folder: Path) -> None:
        """Clear what another cluster left that has died. Raises `Unavailable` where one lives."""
        if (other := _owner()) is not None:
            if self.running(other):
                raise Unavailable(f"a machine has one cluster at a time, and that of {other} runs; end it first")
            _clear(other)
        if kubernetes_policies.chains():
            raise Unavailable("kube-router enforces network policies on this machine already, of another cluster")

    def running(self, folder: Path) -> bool:
        """Whether all of it runs."""
        return all(component.running(folder / name) for name, component in COMPONENTS.items())

    def environment(self, folder: Path) -> dict[str, str]:
        """For kubectl, and for jobs on a store and with models below this checkout."""
        return {
            "KUBECONFIG": str(folder / "admin.conf"),
            "GALLEY_KUBERNETES_NAMESPACE": NAMESPACE,
            "GALLEY_KUBERNETES_POD_TEMPLATE": str(MANIFESTS / "pod-template.yaml"),
            "GALLEY_KUBERNETES_VOLUMES": json.dumps({CLAIM: str(CHECKOUT)}),
        }

    def load(self, folder: Path, archive: IO[bytes]) -> None:
        """Give the node images, as ``docker save`` writes them."""
        command = [*_client(folder), "images", "import", "--digests", "-"]
        done = subprocess.run(command, stdin=archive, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"loading an image failed: {done.stderr[-500:]}")


def api(folder: Path, method: str, path: str, body: object = None, *, text: bool = False) -> Any:
    """Ask the API server as its administrator; None where what is asked for is not there or is there already."""
    facts = json.loads((folder / "facts.json").read_text())
    request = urllib.request.Request(
        f"https://127.0.0.1:{facts['api']}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {facts['tokens']['admin']}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            data = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            if error.code in (404, 409):
                return None
            raise
    return data.decode() if text else json.loads(data)


def volume(folder: Path, namespace: str, claim: str, path: Path) -> None:
    """A claim in a namespace that holds a directory of this machine."""
    size = {"storage": "1Ti"}
    spec = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    persistent = {
        **spec,
        "capacity": size,
        "hostPath": {"path": str(path), "type": "Directory"},
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": namespace, "name": claim},
    }
    made = {"kind": "PersistentVolume", "metadata": {"name": f"{namespace}-{claim}"}, "spec": persistent}
    api(folder, "POST", "/api/v1/persistentvolumes", {"apiVersion": "v1", **made})
    wanted = {**spec, "volumeName": f"{namespace}-{claim}", "resources": {"requests": size}}
    made = {"kind": "PersistentVolumeClaim", "metadata": {"name": claim}, "spec": wanted}
    api(folder, "POST", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", {"apiVersion": "v1", **made})


def namespace(folder: Path, name: str) -> None:
    """A namespace of the ``restricted`` profile, ready for pods."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    api(folder, "POST", "/api/v1/namespaces", made)
    path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    _wait(lambda: api(folder, "GET", path) is not None, folder, "controller-manager")


def secret(folder: Path, namespace: str, name: str, values: dict[str, str]) -> None:
    """A secret of a namespace, in place of one of this name."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    path = f"/api/v1/namespaces/{namespace}/secrets"
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
    if api(folder, "POST", path, made) is None:
        api(folder, "PUT", f"{path}/{name}", made)


def apply(folder: Path, namespace: str, store: str = "") -> None:
    """Lay ``docker/kubernetes`` upon a namespace, as an overlay of one's own does.

    Args:
        folder: the cluster's.
        namespace: it need not be there.
        store: URL of the server that gates may reach, outside the cluster; default: none.
    """
    url = urlsplit(store)
    to = {"to": [{"ipBlock": {"cidr": f"{url.hostname}/32"}}], "ports": [{"protocol": "TCP", "port": url.port}]}
    overlay = folder / "overlays" / namespace
    overlay.mkdir(parents=True, exist_ok=True)
    gates = {
        "target": {"kind": "NetworkPolicy", "name": "galley-gates-to-store"},
        "patch": json.dumps([{"op": "replace", "path": "/spec/egress", "value": [to] if store else []}]),
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [os.path.relpath(MANIFESTS, overlay.resolve())],
        "patches": [gates],
    }
    (overlay / "kustomization.yaml").write_text(json.dumps(kustomization))
    done = kubectl(folder, "apply", "--server-side", "--kustomize", str(overlay))
    if done.returncode:
        raise Unavailable(f"docker/kubernetes cannot be applied: {done.stderr[-500:]}")


def kubectl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as the cluster's administrator."""
    command = [str(programs() / "kubectl"), "--kubeconfig", str(folder / "admin.conf"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def _furnish(folder: Path) -> None:
    apply(folder, NAMESPACE)
    namespace(folder, NAMESPACE)
    volume(folder, NAMESPACE, CLAIM, CHECKOUT)


def _ready(folder: Path) -> bool:
    node = api(folder, "GET", f"/api/v1/nodes/{NODE}") or {}
    found = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", ())}
    return found.get("Ready") == "True" and not node["spec"].get("taints")


def _client(folder: Path) -> list[str]:
    return ["ctr", "--address", str(socket(folder)), "--namespace", "k8s.io"]


def _ctr(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_client(folder), *arguments], capture_output=True, text=True)


def _load(folder: Path, archive: bytes) -> None:
    done = subprocess.run([*_client(folder), "images", "import", "-"], input=archive, capture_output=True)
    if done.returncode:
        raise Unavailable(f"loading the pause image failed: {done.stderr[-500:].decode(errors='replace')}")


def _end_pods(folder: Path) -> None:
    for task in _ctr(folder, "tasks", "list", "--quiet").stdout.split():
        _ctr(folder, "tasks", "delete", "--force", task)
    for container in _ctr(folder, "containers", "list", "--quiet").stdout.split():
        _ctr(folder, "containers", "delete", container)


def _clear(folder: Path) -> None:
    """What a cluster leaves that was killed: shims, mounts, network namespaces, the bridge."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            command = (process / "cmdline").read_bytes()
            if b"containerd-shim" in command and str(socket(folder)).encode() in command:
                os.kill(int(process.name), signal.SIGKILL)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", mount], capture_output=True)
    if _owner() == folder:
        kubernetes_policies.clear()
        subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True)


def _owner() -> Path | None:
    """The folder of the cluster whose the pods' bridge is, where there is one; its rules are that one's too."""
    done = subprocess.run(["ip", "-json", "link", "show", BRIDGE], capture_output=True, text=True)
    return None if done.returncode else Path(json.loads(done.stdout)[0].get("ifalias", "unnamed"))


def _bridge(folder: Path) -> None:
    """The pods' bridge, which their plugin would make with the first pod: too late for what listens there for them."""
    for arguments in (
        ["link", "add", BRIDGE, "type", "bridge"],
        ["link", "set", BRIDGE, "alias", str(folder)],
        ["addr", "add", f"{GATEWAY}/{SUBNET.partition('/')[2]}", "dev", BRIDGE],
        ["link", "set", BRIDGE, "up"],
    ):
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"the pods' bridge cannot be made: {done.stderr.strip()}")


def _command(program: str, flags: dict[str, Any]) -> list[str]:
    return [str(programs() / program), *(f"--{name}={value}" for name, value in flags.items())]


def _wait(ready: Callable[[], bool], folder: Path, name: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):
            if ready():
                return
        if time.monotonic() > end or not COMPONENTS[name].running(folder / name):
            last = "\n".join((folder / name / "log").read_text(errors="replace").splitlines()[-10:])
            raise Unavailable(f"{name} does not come up; see {folder / name / 'log'}:\n{last}")
        time.sleep(0.1)
