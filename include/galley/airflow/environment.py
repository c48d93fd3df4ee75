"""The environment Airflow's processes get from us: everything under ``GALLEY_HOME``, nothing outside the checkout.

Imports nothing of Airflow, whose settings are read once, when it is imported.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from galley.settings import Settings

_PATHS = ("root", "home", "worker_python", "briefs_dir", "policies_dir", "models_file")


def airflow_home(settings: Settings) -> Path:
    """Where Airflow keeps its database, configuration and logs."""
    return settings.home / "airflow"


def airflow_environment(
    settings: Settings, api_port: int, *, base: Mapping[str, str] | None = None, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Environment variables for every Airflow process of this installation.

    Args:
        settings: paths, zones and the timezone; passed on as ``GALLEY_…`` so that all processes agree.
        api_port: port of the execution API on 127.0.0.1.
        base: what to start from; ``os.environ`` by default. ``AIRFLOW__…`` variables in it are dropped: half of
            somebody's other installation would be worse than none.
        extra: connections and variables from ``airflow_settings.yaml``.
    """
    environment = {
        name: value
        for name, value in (base or os.environ).items()
        if not name.startswith(("AIRFLOW__", "AIRFLOW_HOME"))
    }
    home = airflow_home(settings)
    keys = _keys(home)
    airflow = {
        "CORE__DAGS_FOLDER": str(settings.root / "dags"),
        "CORE__PLUGINS_FOLDER": str(settings.root / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": str(settings.worker_slots + 3),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": "",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api_port}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "logs" / "dag_processor"),
        "API__SECRET_KEY": keys["api"],
        "API_AUTH__JWT_SECRET": keys["jwt"],
        "API_AUTH__JWT_ISSUER": "galley",
        # Five seconds, Airflow's default, is less than a busy two-core machine may need under load.
        "WORKERS__EXECUTION_API_TIMEOUT": "60",
        # The first task may be ready before the API server is.
        "WORKERS__EXECUTION_API_RETRIES": "20",
        "WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "4",
        # Without this, a task cleared after success would hand back the old result instead of looking again.
        "STATE_STORE__CLEAR_ON_SUCCESS": "True",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    }
    environment.update({f"AIRFLOW__{name}": value for name, value in airflow.items()})
    environment.update(
        {
            "AIRFLOW_HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
            "NO_PROXY": ",".join(filter(None, (environment.get("NO_PROXY"), "127.0.0.1,localhost"))),
            "no_proxy": ",".join(filter(None, (environment.get("no_proxy"), "127.0.0.1,localhost"))),
            "PYTHONUNBUFFERED": "1",
        }
    )
    environment.update({f"GALLEY_{name.upper()}": str(getattr(settings, name)) for name in _PATHS})
    environment.update({name: value for name, value in (extra or {}).items() if name not in environment})
    return environment


def _keys(home: Path) -> dict[str, str]:
    """The installation's own signing keys, made once and readable by their owner alone."""
    path = home / "keys.json"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        partial = home / f"keys.json.{os.getpid()}"
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"api": secrets.token_urlsafe(48), "jwt": secrets.token_urlsafe(64)}, file)
        try:
            os.link(partial, path)  # the first of two starting together wins; both read its keys
        except FileExistsError:
            pass
        finally:
            partial.unlink()
    keys: dict[str, str] = json.loads(path.read_text())
    return keys
