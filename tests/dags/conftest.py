"""The DAG bag, and an installation for `dag.test()`: the first in a process costs seconds, the next ones little."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from galley.settings import Settings
from tests.conftest import ROOT, WORKER
from tests.pipeline import installation


@pytest.fixture(scope="session")
def dagbag() -> Any:
    """The project's DAGs, parsed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own deprecations are not ours to fix
        from airflow.dag_processing.dagbag import DagBag

        return DagBag(ROOT / "dags")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A small installation with the echo model, which the tasks find in their environment."""
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    root: Path = tmp_path_factory.mktemp("installation") / "root"
    settings = installation(root, worker_python=WORKER)
    names = (
        "root",
        "home",
        "briefs_dir",
        "policies_dir",
        "models_file",
        "worker_python",
        "worker_threads",
        "worker_slots",
    )
    before = dict(os.environ)
    os.environ |= {f"GALLEY_{name.upper()}": str(getattr(settings, name)) for name in names}
    yield settings
    os.environ.clear()
    os.environ |= before
