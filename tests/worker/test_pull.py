"""Pulling without a network: what is in the hub library's cache is checked and recorded, what is not says so."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from galley.model_files import inspect
from galley.models import Models
from galley.settings import Settings
from tests.jobs import text_model

COMMIT = "0123456789abcdef0123456789abcdef01234567"
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None, reason="needs the worker environment"
)


@pytest.fixture
def installation(tmp_path):
    (tmp_path / "models.yaml").write_text(
        f"defaults: {{text: hub}}\nmodels:\n  hub: {{kind: text, source: org/name, revision: {COMMIT}, licence: MIT}}\n"
    )
    return Settings(models_file=tmp_path / "models.yaml", home=tmp_path / "home", models_cache=tmp_path / "cache")


def pull(settings, name):
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "GALLEY_HOME": str(settings.home),
        "GALLEY_MODELS_FILE": str(settings.models_file),
        "GALLEY_MODELS_CACHE": str(settings.models_cache),
    }
    return subprocess.run(
        [sys.executable, "-m", "galley.worker", "pull", name], env=environment, capture_output=True, text=True
    )


def test_a_cached_model_is_checked_and_its_digest_recorded(installation):
    directory = text_model(installation.models_cache / "models--org--name" / "snapshots" / COMMIT)
    found = pull(installation, "hub")
    assert found.returncode == 0, found.stderr
    (record,) = (installation.home / "models").iterdir()
    assert json.loads(record.read_text())["digest"] == inspect(directory).digest
    assert Models.from_settings(installation).resolve("", "text").digest == inspect(directory).digest


def test_a_cached_model_that_is_not_safe_is_refused_and_not_recorded(installation):
    directory = text_model(installation.models_cache / "models--org--name" / "snapshots" / COMMIT)
    (directory / "modeling.py").write_text("")
    found = pull(installation, "hub")
    assert found.returncode == 65
    assert "holds code" in found.stderr
    assert not (installation.home / "models").exists()


def test_without_cache_and_network_the_error_says_what_is_needed(installation):
    found = pull(installation, "hub")
    assert found.returncode == 65
    assert "pulling needs the network" in found.stderr
