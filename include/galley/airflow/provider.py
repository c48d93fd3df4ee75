"""What Airflow's list of providers says about Galley; an entry point of group ``apache_airflow_provider``."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """In the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "galley",
        "name": "Galley",
        "description": "Briefs in, screened and published content out: jobs, request files, pages of what was made.",
        "operators": _modules("operators"),
        "triggers": _modules("job_trigger", "inbox_trigger"),
        "bundles": _modules("bundle"),
    }


def _modules(*names: str) -> list[dict[str, Any]]:
    return [{"integration-name": "Galley", "python-modules": [f"galley.airflow.{name}" for name in names]}]
