"""``galley experiment``, ``exposure`` and ``outcome`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from galley.catalog.facade import Catalog
from galley.errors import CatalogError, InputError
from galley.experiments.cli import app
from galley.settings import Settings
from tests.catalog.samples import RUN, item, release, result, run_info, verdict

ITEMS = [item(row, variant=variant, experiment="steps") for row in range(3) for variant in ("ten", "thirty")]


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALLEY_DATABASE_URL", raising=False)
    monkeypatch.setenv("GALLEY_HOME", str(tmp_path / "home"))
    with Catalog.open(Settings().catalog_url) as catalog:
        catalog.record_finished(
            run_info(),
            items=ITEMS,
            results=[result(each) for each in ITEMS],
            verdicts=[verdict(each, subject) for each in ITEMS for subject in ("prompt", "artifact")],
            release=release(1, ITEMS),
            arms={"steps": {"ten": 1, "thirty": 1}},
        )


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_a_file_with_a_wrong_line_is_taken_but_for_it(tmp_path: Path) -> None:
    path = tmp_path / "seen.csv"
    path.write_text(f"user_id,timestamp,item_id\nann,2026-11-02T12:00:00Z,{ITEMS[0].item_id}\nbob,never,x\n")
    answer = run("exposure", "import", str(path))
    assert answer.exit_code == 3
    assert "2 lines, 1 recorded, 0 known, 1 rejected" in answer.stdout
    assert "timestamp" in answer.stdout
    again = run("exposure", "import", str(path), "--format", "jsonl")
    first, reject = map(json.loads, again.stdout.splitlines())
    assert first == {"type": "import", "source": str(path), "rows": 2, "recorded": 0, "known": 1, "rejected": 1}
    assert (reject["line"], reject["field"], reject["value"]) == (3, "timestamp", "never")


def test_outcomes_import_and_single_calls_show_in_the_report(tmp_path: Path) -> None:
    path = tmp_path / "came.csv"
    path.write_text(f"item_id,click\n{ITEMS[0].item_id},1\n{ITEMS[1].item_id},3\n")
    assert run("outcome", "import", str(path)).exit_code == 0
    prefix = ITEMS[2].item_id[:12]
    assert "recorded" in run("outcome", "add", "--item", prefix, "--metric", "click", "--value", "2").stdout
    seen = ("exposure", "add", "--user", "ann", "--item", prefix, "--timestamp", "2026-11-02T12:00:00Z")
    assert [run(*seen).stdout for _ in range(2)] == ["recorded\n", "known already\n"]
    lines = [json.loads(line) for line in run("experiment", "steps", "--format", "jsonl").stdout.splitlines()]
    arm = next(line for line in lines if line["type"] == "arm" and line["variant"] == "ten")
    assert arm["counts"] == {
        "assigned": 3,
        "generated": 3,
        "allowed": 3,
        "published": 3,
        "exposed": 1,
        "outcome": 2,
    }
    clicks = next(line for line in lines if line.get("metric") == "click" and line["denominator"] == "assigned")
    assert (clicks["control"], clicks["control_mean"], clicks["treatment_mean"]) == ("ten", 1.0, 1.0)
    assert clicks["difference"]["method"] == "paired"
    table = run("experiment", "steps").stdout
    assert "outcome: click" in table and "95 % interval" in table and "warning" in table
    alike = [line for line in lines if line["type"] == "comparison" and line["metric"] == "evaluations"]
    assert alike and "evaluations" not in table and "more are the same in all units" in table


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(CatalogError, match="known are steps"):
        run("experiment", "nope")
    with pytest.raises(CatalogError, match="no item 'zz'"):
        run("exposure", "add", "--user", "ann", "--item", "zz")
    with pytest.raises(InputError, match="is no experiment and variation"):
        run("exposure", "add", "--user", "ann", "--experiment", "steps", "--variation", "fifty")


def test_run_name_is_known_to_the_report() -> None:
    with Catalog.open(Settings().catalog_url) as catalog:
        assert catalog.find_run("latest") == RUN
