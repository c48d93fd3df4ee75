"""Airflow's own database: migrated where this version of Airflow has not yet, with our pools in it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from galley.airflow.settings_file import load_airflow_settings
from galley.atomic_file import write_atomically
from galley.settings import Settings


def airflow_command(*command: str) -> None:
    """Run one command of Airflow's CLI in this process, where importing it has been paid for."""
    from airflow.cli.cli_parser import get_parser

    arguments = get_parser().parse_args(list(command))
    arguments.func(arguments)


def prepare_database(home: Path, settings: Settings, say: Callable[[str], object]) -> None:
    """Migrate the database where this version of Airflow has not yet, and import the pools where they changed.

    Where nothing is to be done, Airflow is not imported here: the engine's start then overlaps with our own.
    """
    stamp = home / "prepared.json"
    pools = load_airflow_settings(settings.root / "airflow_settings.yaml").pools
    wanted = {"airflow": version("apache-airflow-core"), "pools": pools}
    if (home / "airflow.db").exists() and _read(stamp) == wanted:
        return
    say("preparing Airflow's database")
    airflow_command("db", "migrate")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(pools, file)
        file.flush()
        airflow_command("pools", "import", file.name)
    write_atomically(stamp, json.dumps(wanted).encode())


def _read(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_text())
    except (OSError, ValueError):
        return None  # absent or torn: what it tells of is done again, which changes nothing
