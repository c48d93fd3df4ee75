"""What `galley doctor` learns of the Airflow beside it: its executor, its pools, its settings, its variables."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from galley.errors import GalleyError

PATIENCE = 120.0
"""Seconds until Airflow has answered; it takes 3 on an idle machine."""
_CODE = """
import json, sys
try:
    from airflow.configuration import conf
    from airflow.models import Variable
    from airflow.models.pool import Pool
    print(json.dumps({
        "pools": [each.pool for each in Pool.get_pools()],
        "clears_on_success": conf.getboolean("state_store", "clear_on_success", fallback=False),
        "runtime": Variable.get("galley_runtime", default_var=None) or "",
    }))
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}".splitlines()[0])
"""


@dataclass(frozen=True)
class AirflowAnswer:
    """How an Airflow is set up.

    Attributes:
        pools: names.
        clears_on_success: ``state_store.clear_on_success``.
        runtime: the variable ``galley_runtime``, or "".
    """

    pools: frozenset[str]
    clears_on_success: bool
    runtime: str


def ask_airflow() -> AirflowAnswer:
    """Ask the Airflow of this environment, in a process of its own, for Airflow logs where it likes.

    Raises `GalleyError` with its own words where it cannot say.
    """
    command = [sys.executable, "-P", "-c", _CODE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise GalleyError(f"Airflow does not answer within {PATIENCE:.0f} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise GalleyError(f"Airflow does not answer: {said[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])  # Airflow's own lines may come before
    return AirflowAnswer(frozenset(found["pools"]), found["clears_on_success"], found["runtime"])


def airflow_executors(environment: Mapping[str, str]) -> list[str]:
    """Class names in Airflow's ``core.executor``, read where Airflow reads it but without importing it.

    Airflow writes a configuration file into its home when it is imported, and asking must change nothing.
    """
    home = Path(environment.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    file = configparser.ConfigParser(interpolation=None, strict=False)
    file.read(environment.get("AIRFLOW_CONFIG") or home / "airflow.cfg", encoding="utf-8")
    value = environment.get("AIRFLOW__CORE__EXECUTOR") or file.get("core", "executor", fallback="") or "LocalExecutor"
    # "CeleryExecutor", "module.path.Executor", "alias:module.path.Executor", "team=Executor;…"; several by commas.
    names = [part.split("=")[-1].split(":")[-1].split(".")[-1].strip() for part in re.split("[,;]", value)]
    return [name for name in names if name]
