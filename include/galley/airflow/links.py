"""Where in Airflow's UI the pages of `galley.ui.app` are, and the button on a run's last task that leads there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from galley.items import run_name

PREFIX = "/galley"
"""Path below Airflow's own at which the pages are mounted."""


def runs_page() -> str:
    """The list of runs, as a path: which host the browser knows Airflow by is not ours to say."""
    base = urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
    return f"{base}{PREFIX}/runs"


def run_page(dag_id: str, run_id: str) -> str:
    """The page of one run, as a path."""
    return f"{runs_page()}/{run_name(dag_id, run_id)}"


class RunPageLink(BaseOperatorLink):
    """A button on a task instance: the page of its run. Airflow stores the path as an XCom when the task ends."""

    name = "What this run made"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """The path, for a task instance or its key."""
        return run_page(ti_key.dag_id, ti_key.run_id)
