from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import jsonschema
from airflow.plugins_manager import AirflowPlugin

import airflow
from galley.airflow.bundle import GalleyDagBundle
from galley.airflow.provider import get_provider_info
from tests.conftest import ROOT


def test_what_the_provider_says_is_valid_and_there() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    info = get_provider_info()
    jsonschema.validate(info, schema)
    for section in ("operators", "triggers", "bundles"):
        for entry in info[section]:
            for module in entry["python-modules"]:
                import_module(module)


def test_the_bundle_has_the_dag_files() -> None:
    bundle = GalleyDagBundle(name="galley")
    assert {path.name for path in bundle.path.glob("*.py")} == {path.name for path in (ROOT / "dags").glob("*.py")}
    assert not bundle.supports_versioning


def test_the_entry_points_lead_to_what_they_name() -> None:
    found = [each.load() for each in entry_points(group="apache_airflow_provider") if each.dist.name == "galley"]
    assert found == [get_provider_info]
    (plugin,) = entry_points(group="airflow.plugins", name="galley")
    assert issubclass(plugin.load(), AirflowPlugin)
