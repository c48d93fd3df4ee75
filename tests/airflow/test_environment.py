from __future__ import annotations

import json
import stat
from pathlib import Path

from galley.airflow.environment import USER, admin_password, airflow_environment
from galley.settings import Settings


def test_everything_lies_under_the_home_and_nothing_of_another_installation_remains(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", root=tmp_path)
    base = {"AIRFLOW_HOME": "/elsewhere", "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor", "PATH": "/bin", "LANG": "C"}
    found = airflow_environment(settings, 4321, base=base, extra={"AIRFLOW_VAR_A": "1", "LANG": "not mine to set"})
    assert found["AIRFLOW_HOME"] == str(tmp_path / "home" / "airflow")
    assert found["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:4321/execution/"
    assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert found["GALLEY_HOME"] == str(tmp_path / "home")
    assert (found["AIRFLOW_VAR_A"], found["LANG"]) == ("1", "C")
    for name, value in found.items():
        if name.startswith("AIRFLOW__") and value.startswith(("/", "sqlite:///")):
            assert str(tmp_path) in value, name


def test_signing_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", root=tmp_path)
    first = airflow_environment(settings, 1, base={})
    assert (
        first["AIRFLOW__API_AUTH__JWT_SECRET"]
        == airflow_environment(settings, 2, base={})["AIRFLOW__API_AUTH__JWT_SECRET"]
    )
    made = sorted((tmp_path / "home" / "airflow").iterdir())
    assert [path.name for path in made] == ["fernet.json", "keys.json", "passwords.json"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in made)


def test_the_password_is_stable_and_in_the_file_that_airflow_reads(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", root=tmp_path)
    password = admin_password(settings)
    found = airflow_environment(settings, 1, base={})
    file = Path(found["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    assert json.loads(file.read_text()) == {USER: password} and len(password) >= 16
    assert found["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == f"{USER}:admin"
    assert password not in found.values()


def test_whether_operators_defer_may_be_said_from_outside(tmp_path: Path) -> None:
    base = {"AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True"}
    found = airflow_environment(Settings(home=tmp_path, root=tmp_path), 1, base=base)
    assert found["AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"] == "True"
