"""Airflow's own API server in this process, with our plugin, over an installation that has made something."""

from __future__ import annotations

import os
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galley.publishing.review import approve
from galley.settings import Settings
from galley.stages.collect import Trigger
from galley.stages.run import PlannedTask
from galley.storage import Zones
from galley.worker.__main__ import load_job
from tests.conftest import WORKER
from tests.jobs import image_model
from tests.pipeline import DAY, MODELS, Pipeline, installation

NASTY = '<script>alert("x")</script>'
PICTURES = f"""\
name: pictures
kind: image
prompt: a {{{{ what }}}}
variables:
  - {{what: red circle}}
  - {{what: circle for jane.doe@example.com}}
  - {{what: badword circle}}
  - {{what: '{NASTY}'}}
params: {{width: 16, height: 16}}
paired: true
variants:
  - {{name: few, params: {{num_inference_steps: 5}}}}
  - {{name: many}}
"""


def illustrated(root: Path) -> Settings:
    """An installation of texts and images; pictures of the echo engine are of one colour each."""
    settings = installation(root, worker_slots=1)
    image_model(settings.models_file.parent / "flat")
    flat = "  flat: {kind: image, source: ./flat, licence: Apache-2.0, engine: echo}\n"
    settings.models_file.write_text(MODELS.replace("{text: echo}", "{text: echo, image: flat}") + flat)
    (settings.briefs_dir / "pictures.yaml").write_text(PICTURES)
    return settings


class Illustrated(Pipeline):
    """A run whose artifacts are screened where pictures can be read: in the worker's environment."""

    def job(self, task: PlannedTask) -> None:
        """As the runtime does, for the screening jobs."""
        if load_job(self.zones, task.uri).command != "screen":
            return super().job(task)
        command = [str(WORKER), "-m", "galley.worker", "screen", "--job", task.uri]
        subprocess.run(command, check=True, env=os.environ | {"GALLEY_HOME": str(self.settings.home)})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A recorded daily run of texts and images, some held, blocked and failed; the environment names its home.

    The policy has no check of pictures, so that all are held; a person has let one pass since.
    """
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    settings = illustrated(tmp_path_factory.mktemp("installation") / "root")
    pipeline = Illustrated(settings, Zones.from_settings(settings))
    pipeline.run()
    with pipeline.catalog() as catalog:
        picture = next(catalog.items(pipeline.files.run, brief="pictures", states=["held"])).item
        done = approve(pipeline.zones, picture.run, picture.item_id, by="kim")
        catalog.record_review(picture.item_id, done.action, "kim", "", release=done.release)
        catalog.record_release(done.latest, done.latest_uri)
    by_form = Trigger("on_demand_content", "manual__1", DAY, params={"text": "hello there", "kind": "text"})
    Pipeline(settings, pipeline.zones, by_form).run()
    before = dict(os.environ)
    os.environ["GALLEY_HOME"] = str(settings.home)
    yield pipeline
    os.environ.clear()
    os.environ |= before


@pytest.fixture(scope="module")
def server(airflow_database: None, made: Pipeline) -> Iterator[Any]:
    """Airflow's API server: its own log-in and its own middlewares around our app."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own
        from airflow.api_fastapi.app import create_app, purge_cached_app

        yield create_app(apps="core")
        purge_cached_app()


@pytest.fixture(scope="module")
def browser(server: Any) -> Callable[..., Any]:
    """Opens a browser, an HTTP client with cookies, in which somebody of a role is logged in to Airflow, or nobody."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # starlette would like another HTTP library than Airflow brings
        from fastapi.testclient import TestClient
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def opened(*roles: str | None) -> Any:
        client = TestClient(server, follow_redirects=False)
        for role in roles:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="eve", role=role))
            client.cookies.set("_token", token)
        return client

    return opened
