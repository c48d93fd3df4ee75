"""What building the package leaves in a checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from galley.settings import project_root


def test_building_leaves_no_second_distribution_beside_the_package(tmp_path: Path) -> None:
    # It would lie on the import path, and Airflow would find our plugin twice.
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy2(project_root() / name, tmp_path)
    (tmp_path / "include" / "galley").mkdir(parents=True)
    (tmp_path / "include" / "galley" / "__init__.py").touch()
    build = "from setuptools import build_meta; build_meta.get_requires_for_build_editable()"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    assert [path.name for path in (tmp_path / "include").iterdir()] == ["galley"]
