"""The day's run through Airflow in pods of the real images, in a namespace of the restricted profile under the network
policies, over MinIO and PostgreSQL: it publishes what one in processes does, byte for byte.

The images are those of `make images`; where there are none, or ``GALLEY_TEST_IMAGES=0`` says that time is short, the
test is skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from galley.settings import Settings
from tests.conftest import ROOT
from tests.integration.cluster import CLAIM, Cluster, seen_by_pods
from tests.integration.production import minio, production, publishes_the_day_as_processes_do
from tests.integration.services.base import Unavailable
from tests.integration.standing import WORKER, Standing

MODELS = "test-models"
BRIEFS = {
    "pictures.yaml": """\
name: pictures
kind: image
policy: pictures
model: starter-image
prompt: a large {{ colour }} circle at the center on a white background
variables: [{colour: red}, {colour: green}, {colour: blue}]
params: {num_inference_steps: 10}
""",
    "copy.yaml": """\
name: copy
kind: text
model: starter-text
prompt: "Product: {{ product }} | Audience: night-shift readers | Tone: bold | Channel: ad | Copy:"
variables: [{product: "Velorin Desk Lamp"}, {product: "Cloudnest, wool blanket"}]
params: {max_new_tokens: 24}
""",
}


@pytest.fixture(scope="module")
def images(client: docker.APIClient, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The names of the real images, on the cluster's node."""
    if os.environ.get("GALLEY_TEST_IMAGES") == "0":
        pytest.skip("GALLEY_TEST_IMAGES is 0")
    names = {name: Settings(home=ROOT).image(name) for name in ("generation", "compliance")}
    if missing := [name for name in names.values() if not client.images(name=name)]:
        pytest.skip(f"{' and '.join(missing)} are not there; run: make images")
    archive = tmp_path_factory.mktemp("images") / "images.tar"
    for name in names.values():
        with closing(client.get_image(name)) as chunks, archive.open("wb") as file:
            file.writelines(chunks)
        with archive.open("rb") as file:
            cluster.load(file)
        archive.unlink()
    return names


@pytest.fixture(scope="module")
def airflow(cluster: Cluster, images: dict[str, str]) -> Iterator[Standing]:
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    folder = cluster.files / "with-images"
    cluster.volume(MODELS, ROOT / "include" / "models")
    try:
        with (
            minio(folder / "minio") as s3,
            seen_by_pods(int(s3.endpoint.rpartition(":")[2])) as endpoint,
            cluster.sealed(endpoint),
        ):
            cluster.keys("galley-of-images", s3.environment)
            environment = {
                "GALLEY_IMAGE_GENERATION": images["generation"],
                "GALLEY_IMAGE_COMPLIANCE": images["compliance"],
                "GALLEY_KUBERNETES_NAMESPACE": cluster.namespace,
                "GALLEY_KUBERNETES_POD_TEMPLATE": str(ROOT / "docker" / "kubernetes" / "pod-template.yaml"),
                "GALLEY_KUBERNETES_STORE_SECRET": "galley-of-images",
                "GALLEY_KUBERNETES_VOLUMES": json.dumps(
                    {CLAIM: str(cluster.files), MODELS: str(ROOT / "include" / "models")}
                ),
            }
            with production(folder, "kubernetes", s3, endpoint, **environment) as running:
                yield running
    except Unavailable as why:
        pytest.skip(str(why))
    finally:
        cluster.clear()


def test_the_day_s_run_in_the_real_images_publishes_what_one_in_processes_publishes(
    airflow: Standing, cluster: Cluster, images: dict[str, str], tmp_path: Path
) -> None:
    publishes_the_day_as_processes_do(airflow, tmp_path, BRIEFS)
    used = {each["image"] for pod in cluster.pods() for each in pod["spec"]["containers"]}
    assert used == set(images.values())
