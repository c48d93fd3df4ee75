"""What Galley adds to Airflow: the pages of what runs made, their entry in the menu, the notes on runs, and order among
the writers of an API server on SQLite."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from galley.airflow import run_notes
from galley.airflow.links import PREFIX, runs_page
from galley.airflow.one_writer import OneWriter


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
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:
        """Turns for writers, around all of the API server; a database with rows to lock needs none."""
        if not conf.get("database", "sql_alchemy_conn").startswith("sqlite"):
            return []
        return [{"middleware": OneWriter, "name": "One writer at a time"}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:
        """The list of runs, in the menu Browse. A page of its own and no frame: a phone's whole width is its own.

        At the menu's top level Airflow 3.3 makes of a link that leaves its own pages a button that does nothing.
        """
        return [{"name": "Galley", "href": runs_page(), "destination": "nav", "category": "browse"}]
