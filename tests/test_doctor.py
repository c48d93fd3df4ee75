from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from galley.doctor import Check, database_version, examine
from galley.doctor_airflow import AirflowAnswer, ask_airflow
from galley.errors import GalleyError
from galley.settings import Settings
from tests.pipeline import MODELS, installation

ALL = AirflowAnswer(frozenset({"default_pool", "generation", "gpu"}), clears_on_success=True, runtime="")
NONE = AirflowAnswer(frozenset({"default_pool"}), clears_on_success=False, runtime="")


def found(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in examine(settings)}


def answers(monkeypatch: pytest.MonkeyPatch, answer: AirflowAnswer | GalleyError) -> None:
    def ask() -> AirflowAnswer:
        if isinstance(answer, GalleyError):
            raise answer
        return answer

    monkeypatch.setattr("galley.doctor.ask_airflow", ask)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installed wheel, whose `airflow_settings.yaml` has both pools."""
    project = tmp_path / "site-packages" / "galley" / "project"
    settings = installation(project, worker_python=tmp_path / "none" / "python")
    pools = "airflow:\n  pools:\n    - {pool_name: generation, pool_slot: 2}\n    - {pool_name: gpu, pool_slot: 1}\n"
    (project / "airflow_settings.yaml").write_text(pools)
    monkeypatch.setattr("galley.settings._PROJECT", project)
    return settings


@pytest.mark.parametrize(("gpus", "gpu"), [(0, "warn"), (3, "fail")])
def test_of_a_wheel_airflow_is_asked_for_its_pools(
    wheel: Settings, monkeypatch: pytest.MonkeyPatch, gpus: int, gpu: str
) -> None:
    answers(monkeypatch, NONE)
    checks = found(wheel.model_copy(update={"gpus": gpus}))
    assert "settings file" not in checks
    assert (checks["pool generation"].status, checks["pool gpu"].status) == ("fail", gpu)
    assert checks["pool generation"].fix == 'airflow pools set generation 2 "jobs of Galley" --include-deferred'
    assert checks["pool gpu"].fix == f'airflow pools set gpu {gpus or 1} "GPUs" --include-deferred'
    assert checks["state store"].status == "warn"
    assert "AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS=True" in checks["state store"].fix
    answers(monkeypatch, ALL)
    checks = found(wheel)
    assert {checks[name].status for name in ("pool generation", "pool gpu", "state store")} == {"ok"}
    answers(monkeypatch, GalleyError("Airflow does not answer: no such table"))
    pools = found(wheel)["pools"]
    assert pools.status == "fail" and "no such table" in pools.found and "airflow db migrate" in pools.fix


def test_of_a_checkout_the_settings_file_says_which_pools_there_will_be(tmp_path: Path) -> None:
    settings = installation(tmp_path / "root", worker_python=tmp_path / "none" / "python")
    (settings.root / "airflow_settings.yaml").write_text("airflow:\n  pools: []\n")
    checks = found(settings)
    assert checks["settings file"].status == "fail" and "pools" not in checks


def test_who_has_a_wheel_is_told_of_neither_make_nor_git(wheel: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    answers(monkeypatch, NONE)
    (wheel.models_file.parent / "echo" / "model.safetensors").unlink()
    (wheel.policies_dir / "default.yaml").unlink()
    checks = found(wheel)
    broken = ("airflow environment", "worker environment", "policies", "model echo")
    assert {checks[name].status for name in broken} == {"fail"}
    assert all("--force-reinstall" in checks[name].fix for name in ("policies", "model echo"))
    assert not [check for check in checks.values() if check.fix.startswith(("make ", "git "))]


def test_a_broken_worker_environment_of_a_wheel_is_mended_by_pip(wheel: Settings) -> None:
    python = wheel.worker_python
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho no torch >&2\nexit 1\n")
    python.chmod(0o755)
    check = found(wheel)["worker environment"]
    assert check.found == "no torch" and check.fix.startswith(f"{python} -m pip install ")


def test_a_model_of_other_people_is_not_brought_back_by_ours(tmp_path: Path) -> None:
    settings = installation(tmp_path / "root", worker_python=tmp_path / "none" / "python")
    (settings.models_file.parent / "echo" / "model.safetensors").unlink()
    assert found(settings)["model echo"].fix == f"restore {settings.models_file.parent / 'echo'}"
    hub = f"source: org/echo, revision: {'a' * 40}"
    settings.models_file.write_text(MODELS.replace("source: ./echo", hub))
    assert found(settings)["model echo"].fix == "galley models pull echo"


def test_the_database_is_named_that_the_catalog_has(tmp_path: Path) -> None:
    settings = installation(tmp_path / "root", worker_python=tmp_path / "none" / "python")
    assert found(settings)["catalog"].found.startswith("0 runs, SQLite 3.")
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1/none")
    engine.dialect.server_version_info = (17, 2)  # as after the first connection
    assert database_version(engine) == "PostgreSQL 17.2"


@pytest.mark.parametrize(
    ("runtime", "variable", "refused"),
    [("", "", True), ("process", "docker", True), ("", "docker", False), ("kubernetes", "process", False)],
)
def test_a_remote_executor_with_the_runtime_process_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str, variable: str, refused: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor,KubernetesExecutor")
    answers(monkeypatch, AirflowAnswer(frozenset(), clears_on_success=True, runtime=variable))
    settings = installation(tmp_path / "root", worker_python=tmp_path / "none" / "python", runtime=runtime)
    check = found(settings).get("executor, runtime")
    assert (check is not None) == refused
    if check:
        assert check.status == "fail" and "KubernetesExecutor" in check.found and "process" in check.found
        assert str(settings.home) in check.found and "GALLEY_RUNTIME" in check.fix
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert "executor, runtime" not in found(settings)


def test_a_brief_that_asks_for_processes_is_refused_with_a_remote_executor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    settings = installation(tmp_path / "root", worker_python=tmp_path / "none" / "python", runtime="kubernetes")
    path = settings.briefs_dir / "echoes.yaml"
    path.write_text(path.read_text() + "runtime: process\n")
    check = found(settings)["executor, brief echoes.yaml"]
    assert check.status == "fail" and "CeleryExecutor" in check.found and str(path) in check.fix


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Airflow's own code
def test_the_real_airflow_answers(airflow_database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_GALLEY_RUNTIME", "docker")
    monkeypatch.setenv("AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS", "True")
    answer = ask_airflow()
    assert answer.pools >= {"generation", "gpu"} and answer.clears_on_success and answer.runtime == "docker"


@pytest.mark.slow
def test_an_airflow_without_tables_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    with pytest.raises(GalleyError, match=r"Airflow does not answer: .*no such table: slot_pool"):
        ask_airflow()
