"""What Galley adds to Airflow's own UI: the pages of what runs made, their entry in the menu, and the notes on runs."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from galley.airflow import run_notes
from galley.airflow.links import PREFIX, runs_page


class GalleyPlugin(AirflowPlugin):
    """Registered by ``plugins/galley_plugin.py`` or an entry point of group ``airflow.plugins``, in every component."""

    name = "galley"
    listeners = (run_notes,)

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The pages; made in the API server alone, for every task loads plugins too."""
        from galley.ui.app import create_app

        return [{"app": create_app(), "url_prefix": PREFIX, "name": "Galley"}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:
        """The list of runs, in the menu. A page of its own and no frame: it has a phone's whole width that way."""
        return [{"name": "Galley", "href": runs_page(), "destination": "nav"}]
