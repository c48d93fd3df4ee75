"""The cluster's configuration: ports, keys, accounts, network."""

from __future__ import annotations

import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

from tests.integration.services.base import Unavailable, free_port
from tests.integration.services.kubernetes_programs import PAUSE_IMAGE

NODE = "localhost"
"""A name that leads to the kubelet on loopback, for logs."""
NAMESPACE = "galley"
BRIDGE, SUBNET, GATEWAY = "galley0", "10.213.77.0/24", "10.213.77.1"
SERVICES_SUBNET = "10.213.78.0/24"
"""Of the cluster's services, of which nothing is used."""
PLUGINS = Path("/usr/lib/cni")
PIDS = 512
"""Processes and threads of a pod."""
ACCOUNTS = {
    "admin": ("galley-admin", "system:masters"),
    # The node authorizer hears of a pod's volumes later than the kubelet, which then waits for seconds.
    "kubelet": (f"system:node:{NODE}", "system:masters"),
    "scheduler": ("system:kube-scheduler", ""),
    "controllers": ("system:kube-controller-manager", ""),
    "policies": ("galley-policies", "system:masters"),
}


def socket(folder: Path) -> Path:
    """Containerd's."""
    return folder / "containerd" / "socket"


def prepare(folder: Path) -> None:
    """Ports, keys and configuration of a new cluster."""
    facts: dict[str, Any] = {name: free_port() for name in ("etcd", "peer", "api", "kubelet", "health")}
    tokens = {account: secrets.token_hex(20) for account in ACCOUNTS}
    facts["tokens"] = tokens
    _write(folder / "facts.json", json.dumps(facts))
    lines = [f'{tokens[key]},{user},{user},"{group}"\n' for key, (user, group) in ACCOUNTS.items()]
    _write(folder / "tokens.csv", "".join(lines))
    _keys(folder)
    for account in ACCOUNTS:
        _write(folder / f"{account}.conf", json.dumps(kubeconfig(folder, tokens[account], NAMESPACE)))
    _write(folder / "kubelet.json", json.dumps(_kubelet_configuration(folder, facts)))
    _write(folder / "containerd.toml", _containerd_configuration(folder))
    (folder / "cni").mkdir(exist_ok=True)
    bridge = {
        "type": "bridge", "bridge": BRIDGE, "isGateway": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": SUBNET, "gateway": GATEWAY}]],
                 "dataDir": str(folder / "cni" / "leases")},
    }  # fmt: skip
    network = {"cniVersion": "0.4.0", "name": "galley", "plugins": [bridge]}
    _write(folder / "cni" / "galley.conflist", json.dumps(network))


def _keys(folder: Path) -> None:
    """A certificate authority, one certificate for all who serve or ask as the API server, and the accounts' key."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    commands = [
        ["req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=galley-authority"],
        ["req", "-x509", *curve, "-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "tls.key", "-out", "tls.crt",
         "-subj", "/CN=galley", "-addext", names, "-addext", "basicConstraints=critical,CA:FALSE",
         "-addext", "extendedKeyUsage=serverAuth,clientAuth"],
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "accounts.key"],
        ["pkey", "-in", "accounts.key", "-pubout", "-out", "accounts.pub"],
    ]  # fmt: skip
    for command in commands:
        done = subprocess.run(["openssl", *command], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"openssl {command[0]} failed: {done.stderr[-500:]}")
    for key in folder.glob("*.key"):
        key.chmod(0o600)


def kubeconfig(folder: Path, token: str, namespace: str) -> dict[str, Any]:
    """What leads a client to the cluster, as whoever has the token."""
    facts = json.loads((folder / "facts.json").read_text())
    server = {"server": f"https://127.0.0.1:{facts['api']}", "certificate-authority": str(folder / "ca.crt")}
    context = {"cluster": "galley", "user": "galley", "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "galley", "cluster": server}],
        "users": [{"name": "galley", "user": {"token": token}}],
        "contexts": [{"name": "galley", "context": context}],
        "current-context": "galley",
    }


def _kubelet_configuration(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "address": "127.0.0.1", "port": facts["kubelet"], "healthzPort": facts["health"],
        "authentication": {
            "anonymous": {"enabled": False}, "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(folder / "ca.crt")},
        },
        "authorization": {"mode": "AlwaysAllow"},  # of those with our certificate
        "containerRuntimeEndpoint": f"unix://{socket(folder)}",
        "failCgroupV1": False, "cgroupDriver": "cgroupfs", "failSwapOn": False, "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "podPidsLimit": PIDS, "makeIPTablesUtilChains": False, "imageGCHighThresholdPercent": 100,
        "volumePluginDir": str(folder / "kubelet" / "plugins"), "nodeStatusUpdateFrequency": "5s",
        "resolvConf": "",
    }  # fmt: skip


def _containerd_configuration(folder: Path) -> str:
    home, cri = folder / "containerd", 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{home / "root"}"
state = "{home / "state"}"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{socket(folder)}"
[{cri}]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
stream_server_address = "127.0.0.1"
[{cri}.cni]
bin_dir = "{PLUGINS}"
conf_dir = "{folder / "cni"}"
"""


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
