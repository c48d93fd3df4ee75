"""Galley's DAGs for an Airflow that somebody else runs: a bundle for ``dag_processor.dag_bundle_config_list``."""

from __future__ import annotations

from pathlib import Path

from airflow.dag_processing.bundles.base import BaseDagBundle

from galley.settings import project_root


class GalleyDagBundle(BaseDagBundle):
    """The DAG files that the installed package brought; they change when it does, so there is nothing to fetch.

    It needs no arguments: ``{"name": "galley", "classpath": "galley.airflow.bundle.GalleyDagBundle", "kwargs": {}}``.
    """

    supports_versioning = False

    @property
    def path(self) -> Path:
        """The folder of the DAG files."""
        return project_root() / "dags"

    def get_current_version(self) -> None:
        """The files have no versions of their own."""

    def refresh(self) -> None:
        """Nothing is newer than what is installed."""
