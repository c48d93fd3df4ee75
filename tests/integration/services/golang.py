"""Programs compiled from pinned Go modules, kept by version; Go checks what it fetches against its checksums."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.integration.services.base import HOME, Unavailable


def compiled(name: str, module: str, version: str) -> Path:
    """The program ``name`` of a module, compiled now where it is not there yet. Raises `Unavailable`."""
    program = HOME / "bin" / f"{name}-{version}"
    if program.exists():
        return program
    if shutil.which("go") is None:
        raise Unavailable(f"{name} is compiled from source and there is no Go here; install Go 1.24 or later")
    program.parent.mkdir(parents=True, exist_ok=True)
    print(f"compiling {name} {version}, once: some minutes", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=program.parent, prefix=".building-") as folder:
        environment = os.environ | {"GOBIN": folder, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
        command = ["go", "install", f"{module}@{version}"]
        for attempt in range(3):  # for the network's sake; what was fetched and compiled is not done again
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode == 0:
                (Path(folder) / module.rpartition("/")[2]).rename(program)
                return program
            print(f"attempt {attempt + 1} failed", file=sys.stderr, flush=True)
    last = "\n".join(done.stderr.splitlines()[-5:])
    raise Unavailable(f"compiling {name} failed:\n{last}")
