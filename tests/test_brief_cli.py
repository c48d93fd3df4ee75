"""``galley brief``: what it answers, to people and to programs, and its exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from galley.brief_cli import app
from galley.briefs import brief_schema
from galley.settings import project_root

GOOD = (
    "name: spring\nkind: image\nprompt: a {{ c }} star\nvariables: {c: [red, blue, green, pink]}\nseed: 7\n"
    "variants: [{name: a}, {name: b, params: {num_inference_steps: 5}}]\npaired: true\ncadence: manual\n"
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture
def brief(tmp_path: Path) -> Path:
    path = tmp_path / "spring.yaml"
    path.write_text(GOOD)
    return path


def test_it_shows_the_first_prompts_and_the_counts(brief: Path) -> None:
    result = run("check", brief, "--date", "2026-11-23")
    assert result.exit_code == 0
    assert "8 items: a 4, b 4" in result.stdout
    assert "not due on 2026-11-23" in result.stdout
    assert result.stdout.count("a red star") == 2
    assert "green" not in result.stdout


def test_programs_get_json_lines(brief: Path) -> None:
    result = run("check", brief, "--date", "2026-11-23", "--show", "1", "--format", "jsonl")
    (line,) = result.stdout.splitlines()
    found = json.loads(line)
    assert (found["brief"], found["ok"], found["items"], found["variants"]) == ("spring", True, 8, {"a": 4, "b": 4})
    (first,) = found["first"]
    assert (first["custom_id"], first["prompt"], first["variant"]) == ("spring-0000", "a red star", "a")
    assert found["errors"] == []


def test_an_error_has_its_place_and_the_exit_status_1(brief: Path) -> None:
    brief.write_text(GOOD + "promt: x\n")
    result = run("check", brief)
    assert result.exit_code == 1
    assert "spring.yaml, line 9, promt: 'x' is not a field here; did you mean \"prompt\"?" in result.stdout.replace(
        "\n", ""
    )
    (line,) = run("check", brief, "--format", "jsonl").stdout.splitlines()
    found = json.loads(line)
    assert (found["ok"], found["brief"], found["items"]) == (False, None, 0)
    assert (found["errors"][0]["line"], found["errors"][0]["field"]) == (9, "promt")


@pytest.mark.parametrize(
    ("more", "field"),
    [("policy: nobodys\n", "policy"), ("model: nobody\n", "model"), ("model: starter-text\n", "model")],
)
def test_what_the_brief_names_must_exist(brief: Path, more: str, field: str) -> None:
    brief.write_text(GOOD + more)
    result = run("check", brief, "--format", "jsonl")
    assert result.exit_code == 1
    assert [(error["line"], error["field"]) for error in json.loads(result.stdout)["errors"]] == [(9, field)]


def test_a_directory_is_checked_brief_by_brief(brief: Path) -> None:
    (brief.parent / "autumn.yaml").write_text("name: autumn\n")
    result = run("check", brief.parent, "--format", "jsonl")
    assert result.exit_code == 1
    assert [(json.loads(line)["brief"], json.loads(line)["ok"]) for line in result.stdout.splitlines()] == [
        (None, False),
        ("spring", True),
    ]


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    assert run("check", tmp_path).exit_code == 1
    assert run("check", tmp_path / "none.yaml").exit_code == 1


def test_the_shipped_briefs_pass() -> None:
    result = run("check", project_root() / "include" / "briefs", "--format", "jsonl")
    assert result.exit_code == 0, result.stdout
    assert sum(json.loads(line)["items"] for line in result.stdout.splitlines()) >= 60


def test_the_schema_is_printed_as_it_is_written() -> None:
    printed = run("schema").stdout
    assert json.loads(printed) == brief_schema()
    assert printed == (project_root() / "include" / "briefs" / "brief.schema.json").read_text(encoding="utf-8")
