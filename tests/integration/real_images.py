"""The project's own images, as `make images` builds them, from a copy of the checkout.

    python -m tests.integration.real_images      builds and keeps them, with the daemon of DOCKER_HOST

The copy is given what this machine's pip is given (index and certificates), as a person would: nothing of one machine
gets into the checkout. Builds take the daemon's cache, so that all but the first take seconds.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import galley
from tests.conftest import ROOT

BASE = "localhost/galley/base:bookworm"
NAMES = ("dify-base", "dify-generation", "dify-compliance", "airflow")
_INDEX = ("index-url", "extra-index-url", "trusted-host")


class BuildFailed(Exception):
    """What `make` said last."""


def image(name: str, registry: str = "localhost") -> str:
    """Full name of one of our images."""
    return f"{registry}/galley/{name}:{galley.__version__}"


def copy_of_checkout(into: Path) -> Path:
    """All that git has or would take, as it stands, with the certificates that this machine's pip trusts."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.split("\0"):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    if bundle := _pip().get("cert"):
        shutil.copy(bundle, into / "docker" / "inputs" / "certificates" / "machine.crt")
    return into


def make(checkout: Path, *arguments: str, **environment: str) -> str:
    """Run make there, its builds in this machine's network; what it printed. Raises `BuildFailed`."""
    pip = " ".join(f"--{name} {value}" for name in _INDEX for value in _pip().get(name, "").split())
    given = {name: value for name, value in os.environ.items() if not name.startswith(("GALLEY_", "AIRFLOW", "PIP_"))}
    given |= {"PIP_ARGS": pip, "BUILD_FLAGS": "--network host", "PYTHONPATH": ""} | environment
    command = ["make", "--no-print-directory", *arguments]
    done = subprocess.run(command, cwd=checkout, env=given, capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildFailed(f"make {' '.join(arguments)}: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout + done.stderr


def build(checkout: Path, *names: str, registry: str = "localhost", **environment: str) -> str:
    """Build images, all where none is named, on the base that the tests make; what the build printed."""
    given = {"GALLEY_REGISTRY": registry, "BASE_IMAGE": BASE} | environment
    return make(checkout, "images", f"NAMES={' '.join(names)}", **given)


def _pip() -> dict[str, str]:
    """What pip is told on this machine, by its files and, before them, by variables."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    pairs = [line.partition("=") for line in sorted(lines, key=lambda line: line.startswith(":env:"))]
    return {name.rpartition(".")[2]: str(ast.literal_eval(value)) for name, _, value in pairs}


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        print(build(copy_of_checkout(Path(folder))))
