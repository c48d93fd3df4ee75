"""What all tests share: the same examples every time, and no noise from retries that tests provoke by the thousand."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

import pytest
import stamina.instrumentation
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
WORKER = ROOT / ".venv-worker" / "bin" / "python"
# Airflow reads its configuration when it is first imported, and writes one: into a directory of this session alone.
_HOME = tempfile.TemporaryDirectory(prefix="galley-tests-")
for _name in [
    name for name in os.environ if name.startswith(("AIRFLOW", "GALLEY_")) and name != "GALLEY_TEST_POSTGRES_URL"
]:
    del os.environ[_name]
os.environ |= {
    "AIRFLOW_HOME": f"{_HOME.name}/airflow",
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "GALLEY_HOME": f"{_HOME.name}/galley",
}

# Reproducible by default: a red run is red again. `HYPOTHESIS_PROFILE=search` looks for new examples.
settings.register_profile("default", derandomize=True, deadline=None, print_blob=False)
settings.register_profile("search", derandomize=False, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
stamina.instrumentation.set_on_retry_hooks([])


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """A migrated database with the project's pools."""
    import json

    from galley.airflow.settings_file import load_airflow_settings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.cli.cli_parser import get_parser

        def airflow(*command: str) -> None:
            arguments = get_parser().parse_args(list(command))
            arguments.func(arguments)

        airflow("db", "migrate")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(load_airflow_settings(ROOT / "airflow_settings.yaml").pools, file)
            file.flush()
            airflow("pools", "import", file.name)
