"""What enforces the cluster's network policies: kube-router's firewall, and nothing else of it.

Its rules and sets are this machine's, as a pod's connections pass its kernel; they go with the cluster.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.integration.services.base import Unavailable
from tests.integration.services.kubernetes_config import NODE, SERVICES_SUBNET
from tests.integration.services.kubernetes_programs import policy_engine

NEEDED = {"iptables": "iptables", "ipset": "ipset"}
"""Programs and the packages that have them."""
_CHAINS = ("KUBE-ROUTER-", "KUBE-POD-FW-", "KUBE-NWPLCY-")
_SETS = ("KUBE-SRC-", "KUBE-DST-")


def command(home: Path) -> list[str]:
    """Of the engine, for the cluster in a folder, whose node must be there."""
    flags = {
        "kubeconfig": home / "policies.conf", "hostname-override": NODE, "service-cluster-ip-range": SERVICES_SUBNET,
        "run-firewall": "true", "run-router": "false", "run-service-proxy": "false", "run-loadbalancer": "false",
        "enable-cni": "false", "health-port": 0, "metrics-port": 0,
    }  # fmt: skip
    return [str(policy_engine()), *(f"--{name}={value}" for name, value in flags.items())]


def chains() -> list[str]:
    """The engine's chains that are there, a machine's own engine's too."""
    return [line[1:].split()[0] for line in _saved() if line.startswith(tuple(f":{prefix}" for prefix in _CHAINS))]


def clear() -> None:
    """Remove what an engine that has ended left."""
    if there := chains():
        jumps = [f"-D{line[2:]}" for line in _saved() if line.startswith("-A ") and f"-j {_CHAINS[0]}" in line]
        lines = ["*filter", *jumps, *(f"-F {name}" for name in there), *(f"-X {name}" for name in there), "COMMIT", ""]
        _run("iptables-restore", "--noflush", "--wait", input="\n".join(lines))
    for name in _run("ipset", "list", "-name").split():
        if name.startswith(_SETS):
            _run("ipset", "destroy", name)


def _saved() -> list[str]:
    return _run("iptables-save", "-t", "filter").splitlines()


def _run(*command: str, input: str = "") -> str:
    done = subprocess.run(command, input=input, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"{' '.join(command)} failed: {done.stderr[-500:]}")
    return done.stdout
