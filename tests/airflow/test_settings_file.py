from __future__ import annotations

import json
from pathlib import Path

import pytest

from galley.airflow.settings_file import load_airflow_settings
from galley.errors import InputError

ASTRO = """
airflow:
  connections:
    - conn_id: warehouse
      conn_type: aws
      conn_host: http://127.0.0.1:9000
      conn_schema:
      conn_login: key
      conn_password: word
      conn_port: 9000
      conn_extra: {endpoint_url: "http://127.0.0.1:9000", nested: {deep: 1}}
    - conn_id: by-uri
      conn_uri: fs:///tmp
    - {conn_id: as-text, conn_type: fs, conn_extra: '{"path": "/"}'}
    - conn_id:
      conn_type:
  pools:
    - {pool_name: generation, pool_slot: 2, pool_description: worker jobs}
    - {pool_name: empty, pool_slot: 0}
    - {pool_name: , pool_slot: , pool_description: }
  variables:
    - {variable_name: greeting, variable_value: 7}
"""


def load(tmp_path: Path, text: str):
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(text)
    return load_airflow_settings(path)


def test_connections_and_variables_become_environment_and_pools_what_airflow_imports(tmp_path: Path) -> None:
    found = load(tmp_path, ASTRO)
    assert json.loads(found.environment["AIRFLOW_CONN_WAREHOUSE"]) == {
        "conn_type": "aws",
        "host": "http://127.0.0.1:9000",
        "login": "key",
        "password": "word",
        "port": 9000,
        "extra": {"endpoint_url": "http://127.0.0.1:9000", "nested": {"deep": 1}},
    }
    assert found.environment["AIRFLOW_CONN_BY-URI"] == "fs:///tmp"
    assert json.loads(found.environment["AIRFLOW_CONN_AS-TEXT"])["extra"] == {"path": "/"}
    assert found.environment["AIRFLOW_VAR_GREETING"] == "7"
    assert found.pools == {"generation": {"slots": 2, "description": "worker jobs", "include_deferred": True}}


def test_airflow_reads_the_connection_as_it_was_meant(tmp_path: Path) -> None:
    from airflow.sdk import Connection

    text = load(tmp_path, ASTRO).environment["AIRFLOW_CONN_WAREHOUSE"]
    connection = Connection.from_json(text, conn_id="warehouse")
    assert (connection.host, connection.port, connection.extra_dejson["nested"]) == (
        "http://127.0.0.1:9000",
        9000,
        {"deep": 1},
    )


@pytest.mark.parametrize("text", ["", "airflow:\n", "airflow: {connections: []}\n"])
def test_an_empty_file_says_nothing(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text).environment == {}
    assert load_airflow_settings(tmp_path / "none.yaml").pools == {}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("pools: []", ""),
        ("airflow: {pool: []}", "airflow"),
        ("airflow: {pools: [{pool_name: a, pool_slots: 2}]}", "airflow.pools[0]"),
        ("airflow: {pools: [{pool_name: a, pool_slot: many}]}", "airflow.pools[0].pool_slot"),
        ("airflow: {connections: [{conn_type: aws}]}", "airflow.connections[0].conn_id"),
        ("airflow: {connections: [{conn_id: a, conn_host: b}]}", "airflow.connections[0].conn_type"),
        ("airflow: {connections: [{conn_id: a, conn_type: b, conn_extra: '{'}]}", "airflow.connections[0].conn_extra"),
        ("airflow: {variables: [{variable_value: b}]}", "airflow.variables[0].variable_name"),
        ("airflow: {variables: {a: b}}", "airflow.variables"),
        ("airflow: [", ""),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert caught.value.field == field


def test_the_projects_own_file_has_the_pools_that_tasks_use() -> None:
    from galley.settings import project_root

    pools = load_airflow_settings(project_root() / "airflow_settings.yaml").pools
    assert set(pools) == {"generation", "gpu"}
