"""What an Astro project needs, without Astro's own image: our files, its environment variables, no installed Galley."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.integration.environments import environment_like

# `.dockerignore` of `astro dev init` leaves airflow_settings.yaml out of the image.
OURS = ("dags", "include", "plugins")
LOOK = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.plugins_manager import get_plugin_info
import galley
from galley.settings import Settings
bag, settings = DagBag(sys.argv[1]), Settings()
found = {"galley": galley.__file__, "dags": sorted(bag.dags), "errors": bag.import_errors, "home": str(settings.home),
         "briefs": str(settings.briefs_dir), "plugins": [each["name"] for each in get_plugin_info()]}
print(json.dumps(found))
"""


def closure(*names: str) -> set[str]:
    """Distributions that installing these brings."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    todo: list[tuple[str, tuple[str, ...]]] = [(name, ()) for name in names]
    while todo:
        name, extras = todo.pop()
        if (canonicalize_name(name), extras) in seen:
            continue
        seen.add((canonicalize_name(name), extras))
        try:
            requires = distribution(name).requires or ()
        except PackageNotFoundError:  # of another platform
            continue
        for each in map(Requirement, requires):
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                todo.append((each.name, tuple(sorted(each.extras))))
    return {name for name, _ in seen}


def test_the_readme_names_what_airflow_does_not_bring() -> None:
    (line,) = re.findall(r"^\| `requirements.txt` \| (.+?):", (ROOT / "README.md").read_text(), re.MULTILINE)
    said = {canonicalize_name(name) for name in re.findall(r"`([^`]+)`", line)}
    wanted = map(Requirement, distribution("galley").requires or ())
    ours = {
        canonicalize_name(each.name)
        for each in wanted
        if each.marker is None or each.marker.evaluate({"extra": "airflow"})
    }
    assert said == ours - closure("apache-airflow", "apache-airflow-providers-standard")


@pytest.mark.slow
def test_the_project_s_files_are_enough(tmp_path: Path) -> None:
    project = tmp_path / "airflow"
    for name in OURS:
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    python = environment_like(ROOT / ".venv" / "bin" / "python", tmp_path / "environment")
    hidden = ("AIRFLOW", "GALLEY_", "PYTHON", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {
        "AIRFLOW_HOME": str(project),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path / 'airflow.db'}",
        "PYTHONPATH": f"{project}:{project / 'include'}",
        "GALLEY_HOME": str(project / "include" / ".galley"),
    }
    done = subprocess.run(
        [str(python), "-c", LOOK, str(project / "dags")], env=environment, cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == {}
    assert found["dags"] == sorted(path.stem for path in (ROOT / "dags").glob("*.py"))
    assert found["plugins"] == ["galley"]
    assert found["galley"] == str(project / "include" / "galley" / "__init__.py")
    assert found["briefs"] == str(project / "include" / "briefs")
