"""An image that runs the worker with the echo engine, made in seconds and without a network.

It is a base image with the packages that the worker needs beside torch, copied from the environment that runs the
tests, and Galley as it stands. So the base's Python must be of the same minor version.
"""

from __future__ import annotations

import io
import sys
import tarfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

import galley

NAME = "localhost/galley/test-echo:latest"
BASES = ("localhost/galley/base:bookworm", f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim-bookworm")
NEEDED = ("pydantic", "pydantic-settings", "pyyaml", "stamina", "structlog", "jinja2", "pyahocorasick", "minio")
DOCKERFILE = """\
FROM {base}
ENV PYTHONPATH=/opt/galley/include:/opt/site-packages PATH=/usr/local/bin:/usr/bin:/bin
RUN command -v python || {{ mkdir -p /usr/local/bin && ln -s "$(command -v python3)" /usr/local/bin/python; }}
COPY site-packages /opt/site-packages
RUN python3 -m compileall -q /opt/site-packages || true
COPY include /opt/galley/include
RUN python3 -m compileall -q /opt/galley
USER 10001:10001
"""
SHIM = '#!/bin/sh\nexec python3 /program.py "$@"\n'


class NoBase(Exception):
    """There is no base image to build on."""


def echo_image(client: Any) -> str:
    """Build the image on the daemon of ``client`` (docker.APIClient), or find it in its cache; the name."""
    base = next((name for name in BASES if client.images(name=name)), None)
    if base is None:
        raise NoBase(f"none of {', '.join(BASES)} is there; run: make base-image")
    files = {"Dockerfile": DOCKERFILE.format(base=base).encode()}
    for name in sorted(_closure(NEEDED)):
        for path in distribution(name).files or ():
            if ".." not in path.parts and "__pycache__" not in path.parts:
                files[f"site-packages/{path}"] = Path(str(path.locate())).read_bytes()
    package = Path(galley.__file__).parent
    for path in package.rglob("*.py"):
        files[f"include/galley/{path.relative_to(package)}"] = path.read_bytes()
    return _build(client, files, NAME)


def stand_in_image(client: Any, program: str, name: str) -> str:
    """The echo image with a Python program in place of whatever ``python -m`` is to run."""
    dockerfile = f"FROM {NAME}\nENV PATH=/shim:$PATH\nCOPY python /shim/python\nCOPY program.py /program.py\n"
    files = {"Dockerfile": dockerfile, "python": SHIM, "program.py": program}
    return _build(client, {path: text.encode() for path, text in files.items()}, name)


def _closure(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for requirement in map(Requirement, distribution(name).requires or ()):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def _build(client: Any, files: dict[str, bytes], name: str) -> str:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for path, data in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    context.seek(0)
    for line in client.build(fileobj=context, custom_context=True, tag=name, rm=True, decode=True, network_mode="none"):
        if "error" in line:
            raise RuntimeError(f"building {name}: {line['error']}")
    return name
