import json
import re
import sys

import pytest
from typer.testing import CliRunner

from galley.models_cli import app
from tests.conftest import ROOT
from tests.jobs import text_model

WORKER = ROOT / ".venv-worker" / "bin" / "python"


@pytest.fixture
def environment(tmp_path):
    text_model(tmp_path / "here")
    text_model(tmp_path / "bad")
    (tmp_path / "bad" / "evil.py").write_text("")
    (tmp_path / "models.yaml").write_text(
        "defaults: {text: here}\naliases: {gpt: here}\nmodels:\n"
        "  here: {kind: text, source: ./here, licence: MIT, summary: A model}\n"
        "  gone: {kind: text, source: ./gone, licence: MIT}\n"
        "  bad: {kind: text, source: ./bad, licence: MIT}\n"
    )
    return {
        "GALLEY_MODELS_FILE": str(tmp_path / "models.yaml"),
        "GALLEY_HOME": str(tmp_path / "home"),
        "GALLEY_WORKER_PYTHON": str(tmp_path / "none"),
        "COLUMNS": "200",
    }


def run(environment, *arguments):
    return CliRunner().invoke(app, arguments, env=environment)


def test_list_says_what_is_here_missing_and_refused(environment):
    result = run(environment, "list", "--format", "jsonl")
    assert result.exit_code == 0
    rows = {row["name"]: row for row in map(json.loads, result.output.splitlines())}
    assert {name: row["state"] for name, row in rows.items()} == {"here": "here", "gone": "missing", "bad": "refused"}
    assert len(rows["here"]["digest"]) == 64
    assert (rows["here"]["default"], rows["here"]["aliases"]) == (True, ["gpt"])
    assert "holds code" in rows["bad"]["problem"]


def test_the_table_is_for_people(environment):
    result = run(environment, "list")
    assert result.exit_code == 0
    assert "here (default)" in result.output
    assert "does not exist" in result.output


def test_a_broken_registry_is_an_error(environment, tmp_path):
    (tmp_path / "models.yaml").write_text("models: 3")
    result = run(environment, "list")
    assert result.exit_code == 1
    assert "models.yaml" in result.output


def test_pull_needs_the_worker_environment(environment):
    result = run(environment, "pull", "here")
    assert result.exit_code == 1
    assert "make setup" in result.output


def test_pull_of_a_directory_says_that_there_is_nothing_to_do(environment, capfd):
    result = run(environment | {"GALLEY_WORKER_PYTHON": sys.executable}, "pull", "here")
    # `huggingface_hub` is in the worker's environment alone, and a directory does not need it.
    assert result.exit_code == 0, capfd.readouterr().err
    assert "nothing to pull" in capfd.readouterr().out


def test_certify_asks_the_worker_once(environment, tmp_path):
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    text_model(tmp_path / "echo")
    with (tmp_path / "models.yaml").open("a") as file:
        file.write("  echo: {kind: text, source: ./echo, licence: MIT, engine: echo}\n")
    environment |= {"GALLEY_WORKER_PYTHON": str(WORKER)}
    first, second = (run(environment, "certify", "echo") for _ in range(2))
    for result in (first, second):
        assert result.exit_code == 0, result.output
        assert re.search(r"^engine +echo$", result.stdout, re.MULTILINE)
    assert "event=numerics" in first.stderr
    assert second.stderr == ""


def test_certify_says_why_it_cannot(environment):
    result = run(environment, "certify", "here")
    assert result.exit_code == 1
    assert "interpreter" in result.output and "is missing" in result.output
    result = run(environment, "certify", "nothing")
    assert result.exit_code == 1
    assert '"nothing" is not in models.yaml' in result.output
