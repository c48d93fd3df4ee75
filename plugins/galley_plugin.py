"""Registers what Galley adds to Airflow, where the installed package has not done so by its own entry point."""

from importlib.metadata import entry_points

if not entry_points(group="airflow.plugins", name="galley"):
    from galley.airflow.plugin import GalleyPlugin as GalleyPlugin
