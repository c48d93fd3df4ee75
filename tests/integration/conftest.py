"""What integration tests share.

One standing Airflow for all; each test leaves it as it was, with more runs in it. One Docker daemon: that of
DOCKER_HOST where it is set, else one of the tests' own. One Kubernetes cluster, the services'.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import docker
import pytest

from galley.runtimes.docker import DockerRuntime
from galley.settings import Settings
from tests.conftest import ROOT
from tests.integration import dockerd
from tests.integration.cluster import Cluster, NotThere
from tests.integration.echo_image import NAME, NoBase, echo_image, stand_in_image
from tests.integration.services.base import Unavailable
from tests.integration.standing import WORKER, Standing, standing, starters_and_echo


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """`galley up`, with the echo engine for texts (a form's or file's default) and the trained starters."""
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    root = tmp_path_factory.mktemp("installation") / "root"
    with standing(starters_and_echo(root, worker_python=WORKER, worker_slots=1)) as running:
        yield running


@pytest.fixture(scope="session")
def client() -> Iterator[docker.APIClient]:
    """The daemon's client, with the echo image on it."""
    own = None
    with pytest.MonkeyPatch.context() as patch:
        if "DOCKER_HOST" not in os.environ:
            own = ROOT / ".galley-services" / "docker"
            mine = dockerd.running(own) is None
            try:
                patch.setenv("DOCKER_HOST", dockerd.up(own))
            except dockerd.CannotStart as why:
                pytest.skip(f"no Docker daemon: {why}")
        try:
            with closing(docker.APIClient(version="auto", timeout=600, **docker.utils.kwargs_from_env())) as made:
                try:
                    echo_image(made)
                except NoBase:
                    base = subprocess.run([ROOT / "docker" / "base-image"], capture_output=True, text=True, check=False)
                    if base.returncode != 0:
                        pytest.skip(f"no base image: {base.stderr[-300:]}")
                    echo_image(made)
                yield made
        finally:
            if own is not None and mine:
                dockerd.down(own)


@pytest.fixture
def installed(client: docker.APIClient) -> Iterator[Callable[..., Settings]]:
    """Settings of an installation below a directory; its containers go at the end."""
    made: list[Settings] = []

    def installed(root: Path, **changes: Any) -> Settings:
        fields = {"home": root / "home", "runtime": "docker", "image_generation": NAME, "image_compliance": NAME}
        made.append(Settings(**fields | changes))
        return made[-1]

    yield installed
    for settings in made:
        store = DockerRuntime.from_settings(settings)._store
        for left in client.containers(all=True, filters={"label": f"galley.store={store}"}):
            client.remove_container(left["Id"], force=True, v=True)


@pytest.fixture
def stand_in(client: docker.APIClient, settings: Settings) -> Callable[[str], Settings]:
    """Settings whose jobs run a program in place of the worker."""

    def image(program: str) -> Settings:
        name = f"localhost/galley/test-stand-in:{sha256(program.encode()).hexdigest()[:12]}"
        return settings.model_copy(update={"image_generation": stand_in_image(client, program, name)})

    return image


@pytest.fixture(scope="session")
def cluster(client: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster, with the echo image on its node."""
    try:
        with Cluster.running(tmp_path_factory.mktemp("cluster")) as running, pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(running.kubeconfig))
            image = tmp_path_factory.mktemp("image") / "image.tar"
            with image.open("wb") as file:
                for chunk in client.get_image(NAME):
                    file.write(chunk)
            with image.open("rb") as file:
                running.load(file)
            image.unlink()
            yield running
    except (NotThere, Unavailable) as why:
        pytest.skip(f"no Kubernetes cluster: {why}")
