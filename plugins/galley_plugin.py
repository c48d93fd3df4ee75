"""Registers Galley's pages, links and notes with Airflow; they are in `galley.airflow.plugin`."""

from galley.airflow.plugin import GalleyPlugin as GalleyPlugin
