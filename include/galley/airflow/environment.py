"""The environment Airflow's processes get from us: everything under ``GALLEY_HOME``, nothing outside the checkout.

Imports nothing of Airflow, whose settings are read once, when it is imported.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from galley.settings import Settings

USER = "admin"
"""Who logs in to a standing Airflow; the password is `admin_password`."""
LOCK_SECONDS = 60
"""How long a writer to Airflow's SQLite database waits for the others."""
_KEPT = {"AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"}
"""Settings of Airflow that may come from outside: they belong to no installation."""
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
        api_port: port of the API server on 127.0.0.1.
        base: what to start from; ``os.environ`` by default. ``AIRFLOW__…`` variables in it are dropped: half of
            somebody's other installation would be worse than none. ``operators.default_deferrable`` alone is kept.
        extra: connections and variables from ``airflow_settings.yaml``.
    """
    environment = {
        name: value
        for name, value in (base or os.environ).items()
        if not name.startswith(("AIRFLOW__", "AIRFLOW_HOME")) or name in _KEPT
    }
    home = airflow_home(settings)
    keys = _once(home / "keys.json", lambda: {"api": secrets.token_urlsafe(48), "jwt": secrets.token_urlsafe(64)})
    # Without one, Airflow keeps the passwords of connections as they are.
    fernet = _once(home / "fernet.json", lambda: {"key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()})
    admin_password(settings)
    airflow = {
        "CORE__DAGS_FOLDER": str(settings.root / "dags"),
        "CORE__PLUGINS_FOLDER": str(settings.root / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": str(settings.worker_slots + 3),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": fernet["key"],
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords(home)),
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{api_port}/execution/",
        # Five seconds, SQLite's default, is less than a writer may have to wait for five others on a busy machine.
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout={LOCK_SECONDS}",
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
        # How soon the tasks of a scheduler that was killed are taken up again; Airflow's own default is five minutes.
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
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


def admin_password(settings: Settings) -> str:
    """The password of `USER`, made here so that Airflow does not make one and write it into its log."""
    return _once(_passwords(airflow_home(settings)), lambda: {USER: secrets.token_urlsafe(12)})[USER]


def _passwords(home: Path) -> Path:
    return home / "passwords.json"


def _once(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The installation's own secrets in a file, made once and readable by their owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(make(), file)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(partial, path)  # the first of two starting together wins; both read what it made
        finally:
            partial.unlink(missing_ok=True)
    found: dict[str, str] = json.loads(path.read_text())
    return found
