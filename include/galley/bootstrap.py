"""Makes the two environments from their lock files; runs on a bare Python, so it imports nothing but the library.

python3 include/galley/bootstrap.py install   create or complete ``.venv`` and ``.venv-worker``
python3 include/galley/bootstrap.py lock      write docker/airflow.lock and docker/worker.lock from what is installed,
                                              docker/executors.lock from what pip would add to the first

Plain pip does the work, and a machine's own pip configuration (index, mirror, wheelhouse, certificates) holds. torch is
pinned by its public version and nothing below it is, so that whatever build of it pip finds brings its own parts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST, NEWEST = (3, 11), (3, 13)
MEBI = 2**20


@dataclass(frozen=True)
class Environment:
    """One of the two environments.

    Attributes:
        directory: below the checkout.
        lock: its lock file below the checkout.
        extra: of pyproject.toml, for people who read the lock.
        holds: what it is for, in words.
        download_mb: what pip fetches, measured on Linux with Python 3.11 and the public index.
        disk_mb: what it then takes.
    """

    directory: str
    lock: str
    extra: str
    holds: str
    download_mb: int
    disk_mb: int

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return ROOT / self.directory / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Holds the digest of what was installed last."""
        return ROOT / self.directory / ".galley-installed"

    def wanted(self) -> str:
        """Digest over all that decides what is installed."""
        parts = [(ROOT / name).read_bytes() for name in (self.lock, "pyproject.toml")]
        return hashlib.sha256(b"\0".join([*parts, str(ROOT).encode()])).hexdigest()

    def ready(self) -> bool:
        """Whether it holds what its lock file says."""
        return self.python.exists() and self.stamp.exists() and self.stamp.read_text() == self.wanted()


ENVIRONMENTS = (
    Environment(".venv", "docker/airflow.lock", "airflow", "Airflow, no machine learning", 145, 720),
    Environment(".venv-worker", "docker/worker.lock", "worker", "torch, diffusers, transformers", 2850, 5500),
)
FROM_TORCH = re.compile(r"^(nvidia[-_]|cuda[-_]|triton\b|pytorch[-_]triton)", re.IGNORECASE)
"""Packages that are torch's own parts, and differ between its builds."""


def main(arguments: list[str]) -> int:
    """Entry point; returns the exit status."""
    if arguments == ["lock"]:
        for environment in ENVIRONMENTS:
            write_lock(environment)
        write_executors_lock(ENVIRONMENTS[0])
        return 0
    if arguments != ["install"]:
        print(__doc__, file=sys.stderr)
        return 2
    missing = [environment for environment in ENVIRONMENTS if not environment.ready()]
    if not missing:
        return 0
    python = find_python()
    if python is None:
        wanted = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
        print(f"no Python {wanted} on PATH (python3 is {sys.version.split()[0]}); install one", file=sys.stderr)
        return 1
    if not announce(missing):
        return 1
    for environment in missing:
        status = install(environment, python)
        if status:
            why = "the lines above say why. What is there stays: make setup goes on from it."
            print(f"\ncreating {environment.directory} failed (status {status}); {why}", file=sys.stderr)
            return 1
    return 0


def find_python() -> str | None:
    """An interpreter of a version that the locked packages have wheels for; the one that runs this where it will do."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        if found := shutil.which(f"python3.{minor}"):
            return found
    return None


def announce(missing: list[Environment]) -> bool:
    """Say what is downloaded and whether the disk has room for it; False where it has not."""
    for environment in missing:
        what = f"{environment.directory:<13} {environment.holds}"
        print(f"  {what:<48} downloads about {size(environment.download_mb)}, takes {size(environment.disk_mb)}")
    need = sum(environment.disk_mb for environment in missing if not environment.python.exists())
    free = shutil.disk_usage(ROOT).free // MEBI
    if any(environment.extra == "worker" for environment in missing):
        print("  (less where pip finds a build of torch without CUDA: pip's own configuration is honoured)")
    print(f"  free disk here: {size(free)}", flush=True)
    if free < need:
        print(f"not enough room: {size(need)} are needed in {ROOT}", file=sys.stderr)
        return False
    return True


def size(mebibytes: int) -> str:
    """A size for people."""
    return f"{mebibytes} MB" if mebibytes < 1000 else f"{mebibytes / 1000:.1f} GB"


def install(environment: Environment, python: str) -> int:
    """Create or complete one environment; returns pip's exit status."""
    print(f"\n== {environment.directory}: {environment.holds}", flush=True)
    if not environment.python.exists():
        made = subprocess.run([python, "-m", "venv", str(ROOT / environment.directory)], check=False)  # noqa: S603
        if made.returncode:
            print("python has no venv module; on Debian and Ubuntu: apt install python3-venv", file=sys.stderr)
            return made.returncode
    flags = os.environ.get("PIP_FLAGS", "--no-cache-dir").split()
    pip = [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check", *flags]
    # Build isolation would fetch setuptools again, from a network that may be gone: the lock brings it.
    for arguments in (
        ["-r", str(ROOT / environment.lock)],
        ["--no-build-isolation", "--no-deps", "-e", str(ROOT), "-q"],
    ):
        status = subprocess.run([*pip, *arguments], check=False).returncode  # noqa: S603
        if status:
            return status
    environment.stamp.write_text(environment.wanted())
    return 0


def write_lock(environment: Environment) -> None:
    """Pin everything installed in an environment, by public version and without what torch brings itself."""
    command = [
        str(environment.python),
        "-m",
        "pip",
        "list",
        "--format=freeze",
        "--exclude-editable",
        "--exclude",
        "pip",
    ]
    frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    pins = []
    for line in sorted(frozen.splitlines(), key=str.lower):
        name, _, version = line.partition("==")
        if name and not FROM_TORCH.match(name):
            pins.append(f"{name}=={version.split('+')[0]}")  # a build's local label (+cpu) is not the public version
    head = (
        f"# What {environment.directory} holds ({environment.holds}); written by `make lock`, not by hand.\n"
        f"# It is pyproject.toml's extras {environment.extra} and dev with all they need. torch's own parts are left\n"
        "# to torch: a CUDA build and a CPU build need different ones.\n"
    )
    path = ROOT / environment.lock
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + "\n".join(pins) + "\n")
    environment.stamp.write_text(environment.wanted())
    print(f"{environment.lock}: {len(pins)} packages")


def write_executors_lock(airflow: Environment) -> None:
    """Pin what the extra ``executors`` adds to Airflow's environment; pip is asked, and installs nothing."""
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["executors"]
    command = [str(airflow.python), "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-"]
    command += ["--disable-pip-version-check", "--constraint", str(ROOT / airflow.lock), *extra]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603
    pins = sorted(f"{each['metadata']['name']}=={each['metadata']['version']}" for each in report["install"])
    head = (
        "# What the image of Airflow has beside docker/airflow.lock: pyproject.toml's extra executors and what\n"
        "# that needs; written by `make lock`, not by hand.\n"
    )
    (ROOT / "docker" / "executors.lock").write_text(head + "\n".join(pins) + "\n")
    print(f"docker/executors.lock: {len(pins)} packages")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
