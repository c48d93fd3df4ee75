"""The programs of a Kubernetes cluster, compiled from the upstream modules, and the image that holds pods open."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.integration.services import golang
from tests.integration.services.base import HOME, Unavailable

VERSION = "1.34.1"
"""The last minor version whose kubelet runs on cgroup v1."""
ETCD = "v3.6.5"
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "pause": "galley.invalid/kubernetes/pause",
}
PAUSE_IMAGE = "localhost/galley/pause:1"
PAUSE = """\
// Process 1 of a pod: waits for the end, and for those whose parents went before them.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			if pid, _ := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 {
				break
			}
		}
	}
}
"""
MADE = (
    HOME
    / "bin"
    / "-".join(
        (f"kubernetes-v{VERSION}", hashlib.sha256(f"{ETCD} {sorted(PACKAGES)} {PAUSE}".encode()).hexdigest()[:8])
    )
)
"""Named by what is in it, so that what was compiled before something was added is not taken for it."""
ROUTER, ROUTER_VERSION = "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router", "v2.1.0"
"""Enforces network policies; of the rest of it nothing is used."""


def compiled() -> Path | None:
    """The folder of the programs, where they are there."""
    return MADE if MADE.is_dir() else None


def policy_engine() -> Path:
    """kube-router, compiled now where it is not there yet: five minutes of CPU, 60 MB. Raises `Unavailable`."""
    return golang.compiled("kube-router", ROUTER, ROUTER_VERSION)


def programs() -> Path:
    """The folder of the programs, compiled now where they are not there yet. Raises `Unavailable`."""
    if made := compiled():
        return made
    made = MADE
    if shutil.which("go") is None:
        raise Unavailable("Kubernetes is compiled from source and there is no Go here; install Go 1.24 or later")
    made.parent.mkdir(parents=True, exist_ok=True)
    print(f"compiling Kubernetes {VERSION}, once: ten minutes of CPU", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=made.parent, prefix=".building-") as name:
        folder = Path(name)
        (folder / "pause").mkdir()
        (folder / "pause" / "main.go").write_text(PAUSE)
        (folder / "go.mod").write_text(_module())
        environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath -mod=mod -buildvcs=false"}
        command = ["go", "build", "-ldflags=-s -w", "-o", "out/", *PACKAGES.values()]
        for attempt in range(3):  # for the network's sake; what was fetched and compiled is not done again
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
            if done.returncode == 0:
                (folder / "out" / "server").rename(folder / "out" / "etcd")
                (folder / "out").rename(made)
                return made
            print(f"attempt {attempt + 1} failed", file=sys.stderr, flush=True)
    last = "\n".join(done.stderr.splitlines()[-5:])
    raise Unavailable(f"compiling Kubernetes failed:\n{last}")


def _module() -> str:
    """A module around it, as its own go.mod replaces the modules that are developed with it by folders."""
    command = ["go", "mod", "download", "-json", f"k8s.io/kubernetes@v{VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"fetching Kubernetes failed: {done.stderr[-500:]}")
    theirs = Path(json.loads(done.stdout)["GoMod"]).read_text()
    staged = re.findall(r"^\s*(k8s\.io/[a-z-]+) v0\.0\.0(?=\s)", theirs, re.MULTILINE)
    lines = ["module galley.invalid/kubernetes", "go 1.24.0", f"require k8s.io/kubernetes v{VERSION}"]
    lines += [f"require go.etcd.io/etcd/server/v3 {ETCD}"]
    return "\n".join(lines + [f"replace {name} => {name} v0{VERSION[1:]}" for name in staged]) + "\n"


def pause_archive() -> bytes:
    """The image, as `docker save` writes one."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        _add(tar, "pause", (programs() / "pause").read_bytes(), 0o755)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": "amd64" if os.uname().machine == "x86_64" else "arm64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        _add(tar, "layer.tar", layer.getvalue())
        _add(tar, "config.json", json.dumps(config).encode())
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    return archive.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))
