"""What `docker/images` asks of Docker and of the services' cluster, told by stand-ins for both programs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import galley
from tests.conftest import ROOT

DOCKER = """\
#!/bin/sh
echo "docker $*" >> "$LOG"
"""
PYTHON = """\
#!/bin/sh
echo "python3 $*" >> "$LOG"
case "$*" in *"status kubernetes") echo "kubernetes: $CLUSTER" ;; esac
cat > /dev/null
"""


@pytest.mark.parametrize("cluster", ["up", "down"])
def test_what_jobs_need_is_built_tagged_and_loaded_into_a_cluster_that_runs(tmp_path: Path, cluster: str) -> None:
    for name, text in (("docker", DOCKER), ("python3", PYTHON)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    log = tmp_path / "log"
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LOG": str(log),
        "CLUSTER": cluster,
        "DOCKER_HOST": "unix:///nowhere.sock",
        "GALLEY_REGISTRY": "registry.example/team",
    }
    subprocess.run([ROOT / "docker" / "images"], env=environment, stdin=subprocess.DEVNULL, check=True)
    asked = [line.split() for line in log.read_text().splitlines()]
    names = {
        name: f"registry.example/team/galley/{name}:{galley.__version__}"
        for name in ("dify-base", "dify-generation", "dify-compliance", "airflow")
    }
    built = [line[line.index("--tag") + 1] for line in asked if line[:2] == ["docker", "build"]]
    assert built == list(names.values())
    saved = [line[2:] for line in asked if line[:2] == ["docker", "save"]]
    loaded = [line for line in asked if line[-2:] == ["tests.integration.services", "load"]]
    assert saved == ([[names["dify-generation"], names["dify-compliance"]]] if cluster == "up" else [])
    assert len(loaded) == len(saved)
