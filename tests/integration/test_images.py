"""The images that `make images` builds: what is in them, what is not, and what a change costs."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import docker
import pytest

import galley
from galley.bootstrap import FROM_TORCH
from tests.conftest import ROOT
from tests.integration.real_images import NAMES, build, copy_of_checkout, image

REGISTRY = "localhost/test"
"""Images of a person's own stay what they are."""
LOCKS = {
    "dify-generation": ["worker.lock"],
    "dify-compliance": ["worker.lock"],
    "airflow": ["airflow.lock", "executors.lock"],
}
INVENTORY = """\
import collections, hashlib, importlib.metadata, importlib.util, json, shutil
from pathlib import Path
found = [[each.metadata["Name"], each.version] for each in importlib.metadata.distributions()]
sizes = collections.defaultdict(list)
for path in Path("/opt").rglob("*"):
    if path.is_file() and not path.is_symlink() and path.stat().st_size >= 1_000_000:
        sizes[path.stat().st_size].append(path)
contents = collections.defaultdict(dict)
for alike in sizes.values():
    for path in alike if len(alike) > 1 else ():
        contents[hashlib.file_digest(path.open("rb"), "sha256").hexdigest()][path.parts[2]] = str(path)
print(json.dumps({
    "distributions": found,
    "pip": importlib.util.find_spec("pip") is not None or shutil.which("pip") is not None,
    "caches": [str(path) for home in ("/root", "/tmp", "/opt") for path in Path(home).glob(".cache/*")],
    "twice": [places for places in contents.values() if len(places) > 1],  # wheels hold copies of their own
}))
"""


@pytest.fixture(scope="module")
def checkout(client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def built(checkout: Path) -> str:
    """What the build printed."""
    began = time.monotonic()
    printed = build(checkout, registry=REGISTRY)
    print(f"make images took {time.monotonic() - began:.0f} s")
    return printed


def ours(name: str) -> str:
    return image(name, REGISTRY)


def run(name: str, *command: str, flags: tuple[str, ...] = ()) -> str:
    """Run an image sealed, as jobs run: no network, nothing to write on but /tmp, no capabilities."""
    sealed = ["docker", "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"]
    done = subprocess.run([*sealed, *flags, ours(name), *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def layers(client: docker.APIClient, name: str) -> list[str]:
    return list(client.inspect_image(ours(name))["RootFS"]["Layers"])


def test_all_are_built_and_told_of(built: str, client: docker.APIClient) -> None:
    table = built[built.rindex("REPOSITORY") :]
    print(table)
    for name in NAMES:
        assert re.search(rf"^{re.escape(ours(name))}\s+[\d.]+[MG]B$", table, re.MULTILINE), table
        config = client.inspect_image(ours(name))["Config"]
        assert config["User"] == "10001:10001"
        said = {key.rpartition(".")[2]: value for key, value in config["Labels"].items()}
        assert said["version"] == galley.__version__ and said["licenses"] == "Apache-2.0" and said["title"]
    assert layers(client, "dify-compliance") == layers(client, "dify-generation")  # and so costs no disk


@pytest.mark.parametrize("name", LOCKS)
def test_it_holds_what_the_locks_name_once_and_nothing_that_installs(built: str, name: str) -> None:
    found: dict[str, Any] = json.loads(run(name, "python", "-c", INVENTORY))
    assert not found["pip"] and found["caches"] == [] and found["twice"] == []
    pins = {}
    for lock in LOCKS[name]:
        lines = (ROOT / "docker" / lock).read_text().splitlines()
        pins |= {canonical(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}
    held = [canonical(distribution) for distribution, _ in found["distributions"]]
    assert len(held) == len(set(held)) and len(held) > 30
    unpinned = {
        f"{distribution} {version}"
        for distribution, version in found["distributions"]
        if pins.get(canonical(distribution)) != version.split("+")[0] and not FROM_TORCH.match(distribution)
    }
    assert unpinned == set()
    assert ("torch" in held) == (name != "airflow")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", ["dify-generation", "dify-compliance"])
def test_it_checks_itself(built: str, name: str) -> None:
    said = run(name).splitlines()
    assert all(line.startswith("ok ") for line in said) and any("library torch" in line for line in said), said


def test_airflow_s_image_has_both_command_lines(built: str) -> None:
    home = ("--tmpfs", "/var/lib/galley")
    assert run("airflow", flags=home).splitlines()[-1].startswith("3.3.")
    assert "review" in run("airflow", "galley", "--help", flags=home)


def test_a_change_of_code_costs_two_layers(built: str, client: docker.APIClient, checkout: Path) -> None:
    before = layers(client, "dify-generation")
    code = checkout / "include" / "galley" / "exit_codes.py"
    text = code.read_text()
    code.write_text(f"{text}# changed\n")
    began = time.monotonic()
    build(checkout, "dify-generation", registry=REGISTRY)
    print(f"a change of code took {time.monotonic() - began:.0f} s")
    code.write_text(text)
    after = layers(client, "dify-generation")
    build(checkout, "dify-generation", registry=REGISTRY)  # as it was, from the cache
    assert after[:-2] == before[:-2] and after[-2] != before[-2]
    assert layers(client, "dify-generation") == before


def test_what_no_image_is_made_of_costs_nothing(built: str, client: docker.APIClient, checkout: Path) -> None:
    before = {name: layers(client, name) for name in NAMES}
    project = checkout / "pyproject.toml"
    project.write_text(project.read_text().replace('description = "', 'description = "More than ever: '))
    program = checkout / "docker" / "inputs" / "programs" / "another"
    program.write_text("#!/bin/sh\n")
    build(checkout, registry=REGISTRY)
    program.unlink()
    assert {name: layers(client, name) for name in NAMES} == before
