"""Puts into a wheel what a checkout has beside the package; everything else is said in pyproject.toml.

An installed Galley finds its DAG files, briefs, policies and models below ``galley/project``, laid out as here.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = ("dags", "include/briefs", "include/policies", "include/models", "airflow_settings.yaml")


class BuildWithProject(build_py):
    """`build_py`, and the project's own files after it; an editable installation has them where they are."""

    def run(self) -> None:
        """Copy the package, then the parts."""
        super().run()
        if self.editable_mode:
            return
        project = Path(self.build_lib) / "galley" / "project"
        shutil.rmtree(project, ignore_errors=True)
        for part in map(Path, PARTS):
            (project / part).parent.mkdir(parents=True, exist_ok=True)
            if part.is_dir():
                shutil.copytree(part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(part, project / part)


# Beside the package they would be found as a second distribution, whose plugin Airflow warns about in every process.
METADATA = Path(__file__).parent / "build"
METADATA.mkdir(exist_ok=True)

setup(cmdclass={"build_py": BuildWithProject}, options={"egg_info": {"egg_base": str(METADATA)}})
