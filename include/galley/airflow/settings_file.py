"""``airflow_settings.yaml`` in the Astro CLI's schema: connections and variables as environment, pools for import.

Connections and variables in the environment need no database write, leave no plain text in it, and are seen by every
process. The Astro CLI itself upserts the same file through the REST API; what we read here is what it would make.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from galley.errors import InputError

_CONNECTION = {
    "conn_id", "conn_type", "conn_host", "conn_schema", "conn_login", "conn_password", "conn_port", "conn_uri",
    "conn_extra", "conn_description",
}  # fmt: skip
_POOL = {"pool_name", "pool_slot", "pool_description"}
_VARIABLE = {"variable_name", "variable_value"}
_SECTIONS = {"connections", "pools", "variables"}


@dataclass(frozen=True)
class AirflowSettings:
    """What the file says.

    Attributes:
        environment: ``AIRFLOW_CONN_…`` and ``AIRFLOW_VAR_…``.
        pools: name to ``{"slots", "description", "include_deferred"}``, as ``airflow pools import`` reads it.
    """

    environment: dict[str, str] = field(default_factory=dict)
    pools: dict[str, dict[str, Any]] = field(default_factory=dict)


def load_airflow_settings(path: Path) -> AirflowSettings:
    """Read the file; a missing or empty one says nothing. Raises `InputError` that names the field."""
    if not path.exists():
        return AirflowSettings()
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(str(path), "", "", f"is not YAML: {error}") from error
    if data is None:
        return AirflowSettings()
    if not isinstance(data, dict) or set(data) != {"airflow"} or not isinstance(data["airflow"], dict | None):
        raise InputError(str(path), "", "", 'must have the single key "airflow" with connections, pools and variables')
    sections: Mapping[str, Any] = data["airflow"] or {}
    if unknown := set(sections) - _SECTIONS:
        raise InputError(str(path), "airflow", sorted(unknown)[0], f"is not one of {', '.join(sorted(_SECTIONS))}")
    environment = dict(_connection(path, i, row) for i, row in _rows(path, sections, "connections", _CONNECTION))
    for index, row in _rows(path, sections, "variables", _VARIABLE):
        name = _name(path, f"airflow.variables[{index}].variable_name", row.get("variable_name"))
        environment[f"AIRFLOW_VAR_{name.upper()}"] = str(row.get("variable_value", ""))
    pools = {}
    for index, row in _rows(path, sections, "pools", _POOL):
        name = _name(path, f"airflow.pools[{index}].pool_name", row.get("pool_name"))
        slots = row.get("pool_slot")
        if not isinstance(slots, int) or isinstance(slots, bool):
            raise InputError(str(path), f"airflow.pools[{index}].pool_slot", slots, "is not a whole number of slots")
        if slots:  # the Astro CLI skips pools of no slots
            # Unlike there, deferred tasks count: their jobs go on running, and that is what a pool limits.
            pools[name] = {"slots": slots, "description": row.get("pool_description") or "", "include_deferred": True}
    return AirflowSettings(environment, pools)


def _rows(path: Path, sections: Mapping[str, Any], name: str, fields: set[str]) -> list[tuple[int, dict[str, Any]]]:
    rows = sections.get(name) or []
    if not isinstance(rows, list):
        raise InputError(str(path), f"airflow.{name}", rows, "is not a list")
    filled = []
    for index, row in enumerate(rows):
        where = f"airflow.{name}[{index}]"
        if not isinstance(row, dict):
            raise InputError(str(path), where, row, "is not a mapping")
        if unknown := set(row) - fields:
            raise InputError(str(path), where, sorted(unknown)[0], f"is not one of {', '.join(sorted(fields))}")
        if any(value not in (None, "") for value in row.values()):  # Astro scaffolds rows with nothing filled in
            filled.append((index, row))
    return filled


def _connection(path: Path, index: int, row: dict[str, Any]) -> tuple[str, str]:
    where = f"airflow.connections[{index}]"
    name = _name(path, f"{where}.conn_id", row.get("conn_id"))
    values = {key.removeprefix("conn_"): value for key, value in row.items() if value not in (None, "")}
    values.pop("id")
    extra = values.get("extra")
    if isinstance(extra, str):
        try:
            values["extra"] = json.loads(extra)
        except ValueError as error:
            raise InputError(str(path), f"{where}.conn_extra", extra, f"is not JSON: {error}") from error
    uri = values.pop("uri", None)
    if uri and not values:  # the URI counts only where nothing else is given, as in the Astro CLI
        return f"AIRFLOW_CONN_{name.upper()}", str(uri)
    if "type" not in values:
        raise InputError(str(path), f"{where}.conn_type", "", "is missing; a connection needs its type")
    values["conn_type"] = values.pop("type")
    return f"AIRFLOW_CONN_{name.upper()}", json.dumps(values, sort_keys=True)


def _name(path: Path, where: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(str(path), where, value, "is missing; it is the name the entry is looked up by")
    return value.strip()
