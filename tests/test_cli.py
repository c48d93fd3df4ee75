from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from galley.cli import COMMANDS, app
from galley.stages.record import Report, ReportLine
from tests.conftest import ROOT
from tests.pipeline import DAY, installation

RUNNER = CliRunner()


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {
        "run": "daily--run--1",
        "dag_id": "daily_content",
        "run_id": "scheduled__1",
        "content_date": DAY,
        "state": "success",
        "counts": {"published": 3, "held": 1, "blocked": 1},
        "table": (ReportLine(brief="shapes", variant="default", states={"published": 3, "held": 1, "blocked": 1}),),
        "sheet": "/home/reports/x.html",
    }
    return Report(**fields | changes)


def test_the_help_lists_every_command_without_importing_any() -> None:
    code = """
import sys
from galley.cli import main
sys.argv = ["galley", "--help"]
try:
    main()
except SystemExit:
    pass
for name in sorted(sys.modules):
    ours = name.startswith("galley.") and name not in ("galley.cli", "galley.errors")
    if ours or name in ("airflow", "torch", "sqlalchemy", "pydantic"):
        print(name, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name, (_, line) in COMMANDS.items():
        assert name in done.stdout and line.split()[0] in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = RUNNER.invoke(app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output and f"galley {name}" in result.output.replace("root", "galley")


def test_an_unknown_command_is_refused() -> None:
    assert RUNNER.invoke(app, ["nonsense"]).exit_code == 2


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({"counts": {"published": 1, "withdrawn": 1}}, True),
        ({"counts": {}}, True),
        ({"counts": {"published": 1, "failed": 1}}, False),
        ({"rejects": 1}, False),
        ({"state": "failed"}, False),
        ({"counts": {"pending": 1}}, False),
    ],
)
def test_a_run_is_complete_when_nothing_failed_and_no_row_was_rejected(changes: dict[str, Any], complete: bool) -> None:
    assert report(**changes).complete is complete


def concluded(end: dict[str, Any], found: Report | None) -> tuple[int, str]:
    from galley.run_cli import _conclude
    from galley.stages.run import RunFiles
    from galley.storage import memory_zones

    files = RunFiles(memory_zones().work, "daily--run--1")
    if found is not None:
        files.write("report.json", found)
    console = Console(width=100, file=io.StringIO())
    status = _conclude(end, files, console)
    return status, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("found", "status"), [(report(), 0), (report(rejects=2), 3), (report(counts={"failed": 1}), 3)]
)
def test_the_exit_status_says_how_a_run_ended(found: Report, status: int) -> None:
    code, text = concluded({"event": "end", "state": "success", "failures": []}, found)
    assert code == status
    assert "shapes" in text and "contact sheet: /home/reports/x.html" in text
    if found.rejects:
        assert "galley rejects --run daily--run--1" in text


def test_a_failed_run_ends_with_1_and_the_last_words_of_what_failed(tmp_path: Path) -> None:
    log = tmp_path / "attempt=1.log"
    entry = {
        "level": "error",
        "event": "Task failed",
        "error_detail": [{"exc_type": "JobSpecError", "exc_value": "no such model"}],
    }
    log.write_text(json.dumps({"level": "info", "event": "hello"}) + "\n" + json.dumps(entry) + "\n")
    failures = [
        {"task": "plan", "map_index": -1, "try": 1, "log": str(log)},
        {"task": "record", "map_index": -1, "try": 1, "log": str(tmp_path / "none")},
    ]
    code, text = concluded({"event": "end", "state": "failed", "failures": failures}, None)
    assert code == 1 and "JobSpecError: no such model" in text and "record failed" not in text


@pytest.mark.parametrize("end", [{}, {"event": "error", "text": "a DAG cannot be imported"}])
def test_a_driver_that_gives_up_ends_with_1(end: dict[str, Any]) -> None:
    code, text = concluded(end, None)
    assert code == 1 and (end.get("text") or "drive.log") in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--brief", "a.yaml", "--requests", "b.jsonl"], "not both"),
        (["--brief", "none.yaml"], "is no file"),
        (["--brief", "rows.jsonl"], "--requests"),
        (["--requests", "brief.yaml"], "--brief"),
        (["--date", "yesterday"], "yesterday"),
        (["--date", "2024-12-31"], "'2024-12-31' is before 2025-01-01, where the DAGs begin; give that date"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_starts(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    (tmp_path / "brief.yaml").write_text("name: x\n")
    done = subprocess.run(
        [sys.executable, "-c", "from galley.cli import main; main()", "run", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "GALLEY_HOME": str(tmp_path / "home"), "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode in (1, 2) and said in done.stderr + done.stdout
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("dag_id", ["daily_content", "on_demand_content"])
def test_the_first_day_is_the_dags_own(dag_id: str) -> None:
    from galley.run_cli import FIRST_DAY

    start = f"start_date=pendulum.datetime({FIRST_DAY.year}, {FIRST_DAY.month}, {FIRST_DAY.day}, tz=settings.timezone)"
    assert start in (ROOT / "dags" / f"{dag_id}.py").read_text()


@pytest.mark.parametrize(("runtime", "warned"), [("docker", True), ("", False)])
def test_a_runtime_that_the_standing_airflow_ignores_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runtime: str, warned: bool
) -> None:
    from galley import run_cli
    from galley.airflow import lock

    def stands(*_: Any) -> lock.RunLock:
        raise lock.AirflowStands(lock.Owner(pid=1, started="", port=8080))

    monkeypatch.setattr(lock, "acquire", stands)
    monkeypatch.setattr(run_cli, "_driver", lambda *_: nullcontext())
    monkeypatch.setattr(run_cli, "_follow", lambda *_: 0)
    console = Console(file=io.StringIO())
    assert run_cli.execute(installation(tmp_path / "root"), [], console, runtime=runtime) == 0
    said = capsys.readouterr().err
    assert ("warning: --runtime docker is ignored" in said and "galley down" in said) is warned
    assert warned or not said


def test_a_missing_worker_environment_is_named_with_its_remedy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from galley.cli import main; main()", "run"],
        capture_output=True,
        text=True,
        env={**os.environ, "GALLEY_HOME": str(tmp_path / "home"), "GALLEY_WORKER_PYTHON": str(tmp_path / "python")},
        check=False,
    )
    assert done.returncode == 1 and "make setup" in done.stderr


def test_doctor_names_what_is_missing_and_what_mends_it(tmp_path: Path) -> None:
    from galley.doctor import examine

    settings = installation(tmp_path / "root", worker_python=tmp_path / "none" / "python")
    found = {check.name: check for check in examine(settings)}
    assert found["worker environment"].status == "fail" and "make setup" in found["worker environment"].fix
    assert found["model echo"].status == found["catalog"].status == found["zone work"].status == "ok"
    assert found["settings file"].status == "warn"
    (settings.models_file.parent / "echo" / "model.safetensors").unlink()
    assert {check.name: check for check in examine(settings)}["model echo"].status == "fail"
    settings.models_file.write_text("models: [")
    assert {check.name: check for check in examine(settings)}["models"].status == "fail"


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ["LocalExecutor"]),
        ("LocalExecutor", ["LocalExecutor"]),
        ("CeleryExecutor,LocalExecutor", ["CeleryExecutor", "LocalExecutor"]),
        ("big:airflow.providers.x.KubernetesExecutor", ["KubernetesExecutor"]),
        ("LocalExecutor;blue=EdgeExecutor", ["LocalExecutor", "EdgeExecutor"]),
    ],
)
def test_doctor_knows_airflows_executor_from_the_environment_or_the_file(
    tmp_path: Path, value: str, names: list[str]
) -> None:
    from galley.doctor import airflow_executors

    assert airflow_executors({"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__EXECUTOR": value}) == names
    assert list(tmp_path.iterdir()) == []  # asking changes nothing
    (tmp_path / "airflow.cfg").write_text(f"[core]\nexecutor = {value or 'LocalExecutor'}\nfernet = %{{x\n")
    assert airflow_executors({"AIRFLOW_HOME": str(tmp_path)}) == names


def test_doctor_refuses_files_and_sqlite_with_a_remote_executor_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from galley.doctor import examine

    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    settings = installation(tmp_path / "root", worker_python=tmp_path / "none" / "python", runtime="kubernetes")
    found = {check.name: check for check in examine(settings)}
    for name, setting in (("zone published", "GALLEY_PUBLISHED_URL"), ("catalog", "GALLEY_DATABASE_URL")):
        check = found[f"executor, {name}"]
        assert check.status == "fail" and "CeleryExecutor" in check.found and setting in check.fix
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert {check.name: check.status for check in examine(settings)}["executor"] == "ok"


def test_doctor_speaks_jsonl_and_ends_with_1_where_something_fails(tmp_path: Path) -> None:
    environment = {"GALLEY_HOME": str(tmp_path / "home"), "GALLEY_WORKER_PYTHON": str(tmp_path / "none")}
    result = RUNNER.invoke(app, ["doctor", "--format", "jsonl"], env=environment)
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert result.exit_code == 1
    assert {frozenset(line) for line in lines} == {frozenset({"name", "status", "found", "fix"})}
    assert all(line["fix"] for line in lines if line["status"] == "fail")
