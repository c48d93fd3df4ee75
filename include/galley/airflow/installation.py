"""The installation as Airflow knows it: the settings of its environment, and what people keep in Airflow's own lists.

The connection ``galley_store`` (type ``aws``) holds the keys of an S3 store, and may name its server and region; the
variable ``galley_runtime`` says how jobs are executed where neither the brief nor the environment does.
"""

from __future__ import annotations

import json
from typing import Any

from galley.airflow.connections import find_connection
from galley.errors import StoreError, StoreUnavailable
from galley.settings import S3Keys, Settings
from galley.storage import ZONES

CONNECTION, VARIABLE = "galley_store", "galley_runtime"
_PLACES = {"endpoint_url": "s3_endpoint_url", "region_name": "s3_region"}
"""Of the connection's extra, what an empty setting is taken from."""
_TOKEN = "aws_session_token"  # noqa: S105 - the name of a field


def installation() -> Settings:
    """The settings, completed by Airflow's lists. Asks Airflow, so nothing for the triggerer's loop or a DAG file.

    Raises:
        StoreError: the connection is of another type, or asks for what Galley does not do.
    """
    settings = Settings()
    found: dict[str, Any] = {} if settings.runtime else _runtime()
    if any(settings.zone(zone).startswith("s3:") for zone in ZONES):
        found |= _store(settings)
    return Settings(**found) if found else settings


def _runtime() -> dict[str, Any]:
    from airflow.sdk import Variable

    chosen = Variable.get(VARIABLE, default=None)
    return {"runtime": chosen} if chosen else {}


def _store(settings: Settings) -> dict[str, Any]:
    connection = find_connection(CONNECTION, StoreUnavailable)
    if connection is None:
        return {}
    if connection.conn_type != "aws":
        raise StoreError(f"connection {CONNECTION!r} is of type {connection.conn_type!r}; make it one of type 'aws'")
    if connection.host or connection.port or connection.schema:
        raise StoreError(
            f"connection {CONNECTION!r} has a host, a port or a schema; its server is extra's endpoint_url"
        )
    extra = _extra(connection)
    if unknown := sorted(set(extra) - {*_PLACES, _TOKEN}):
        raise StoreError(
            f"connection {CONNECTION!r}: extra has {', '.join(unknown)}; known are {', '.join((*_PLACES, _TOKEN))}. "
            "Roles and profiles come from the environment: leave the connection out, or its login empty"
        )
    found: dict[str, Any] = {
        setting: extra[name]
        for name, setting in _PLACES.items()
        if extra.get(name) and setting not in settings.model_fields_set
    }
    if connection.login:
        if not connection.password:
            raise StoreError(f"connection {CONNECTION!r} has a login and no password: the secret key belongs there")
        found["s3_keys"] = S3Keys(
            access_key=connection.login, secret_key=connection.password, session_token=extra.get(_TOKEN) or ""
        )
    return found


def _extra(connection: Any) -> dict[str, str]:
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict) or not all(isinstance(value, str) for value in extra.values()):
        raise StoreError(f"connection {CONNECTION!r}: its extra is no JSON object of texts")
    return extra
