from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from galley.airflow.installation import installation
from galley.errors import StoreError
from galley.runtimes.process import worker_environment
from galley.settings import S3Keys, Settings
from galley.storage.minio import connect, credentials

OFTEN_SET = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GALLEY_S3_ENDPOINT_URL",
    "GALLEY_RUNTIME",
)


@pytest.fixture(autouse=True)
def s3(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OFTEN_SET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GALLEY_STORE_URL", "s3://bucket/prefix")


def have(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    connection = {"conn_type": "aws", "login": "key", "password": "s3cret", **fields}
    monkeypatch.setenv("AIRFLOW_CONN_GALLEY_STORE", json.dumps(connection))


def test_without_either_the_settings_are_those_of_the_environment() -> None:
    assert installation() == Settings()


def test_the_connection_s_keys_are_those_that_requests_are_signed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the environment")
    have(monkeypatch, extra={"aws_session_token": "t0ken"})
    keys, _ = credentials(installation())
    assert keys == {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "t0ken"}
    assert "Credential=key" in connect(installation()).get_presigned_url("GET", "bucket", "object")


def test_a_job_s_process_gets_them_and_no_token_of_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of other keys")
    have(monkeypatch)
    environment = worker_environment(installation())
    assert (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) == ("key", "s3cret")
    assert "AWS_SESSION_TOKEN" not in environment
    assert not any(name.startswith("AIRFLOW") for name in environment)


def test_it_names_server_and_region_where_the_environment_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, extra={"endpoint_url": "http://127.0.0.1:9000", "region_name": "eu-west-1"})
    found = installation()
    assert (found.s3_endpoint_url, found.s3_region) == ("http://127.0.0.1:9000", "eu-west-1")
    monkeypatch.setenv("GALLEY_S3_ENDPOINT_URL", "https://s3.example.org")
    monkeypatch.setenv("GALLEY_S3_REGION", "us-east-1")
    found = installation()
    assert (found.s3_endpoint_url, found.s3_region) == ("https://s3.example.org", "us-east-1")


def test_without_a_login_it_names_the_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, login="", password="", extra={"endpoint_url": "http://127.0.0.1:9000"})
    assert (installation().s3_keys, installation().s3_endpoint_url) == (None, "http://127.0.0.1:9000")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"conn_type": "http"}, "'http'.* 'aws'"),
        ({"password": ""}, "no password"),
        ({"host": "s3.example.org"}, "endpoint_url"),
        ({"extra": {"verify": False}}, "no JSON object of texts"),
        ({"extra": {"role_arn": "arn:aws:iam::1:role/x", "verify": "no"}}, "role_arn, verify; known are"),
    ],
)
def test_what_it_cannot_do_is_said(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], said: str) -> None:
    have(monkeypatch, **fields)
    with pytest.raises(StoreError, match=said) as caught:
        installation()
    assert "s3cret" not in str(caught.value)


def test_a_local_store_asks_for_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALLEY_STORE_URL")
    have(monkeypatch, conn_type="http")
    assert installation() == Settings()


def test_the_secret_is_in_no_words_about_the_settings() -> None:
    settings = Settings(s3_keys=S3Keys(access_key="key", secret_key="s3cret", session_token="t0ken"))
    for told in (repr(settings), str(settings), settings.model_dump_json()):
        assert "s3cret" not in told
        assert "t0ken" not in told


def test_the_variable_says_how_jobs_are_executed_where_the_environment_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_GALLEY_RUNTIME", "docker")
    assert installation().runtime == "docker"
    monkeypatch.setenv("GALLEY_RUNTIME", "process")
    assert installation().runtime == "process"


def test_importing_it_asks_nothing_of_airflow() -> None:
    loaded = "import sys, galley.airflow.installation; print('airflow.sdk' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert found.stdout.strip() == "False"
