"""The commands' fields are a public interface; these tests hold them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from galley.catalog.cli import app, db_app
from galley.catalog.facade import Catalog
from galley.errors import CatalogError, InputError, IntegrityError
from galley.items import Reject
from galley.job_stats import JobStats
from galley.settings import Settings
from galley.storage.zones import Zones
from tests.catalog.samples import RUN, item, published, release, result, run_info, verdict

ITEMS = [item(0), item(1)]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zones:
    for name in ("STORE_URL", "DATABASE_URL", "PUBLISHED_URL", "WORK_URL", "QUARANTINE_URL", "INBOX_URL"):
        monkeypatch.delenv(f"GALLEY_{name}", raising=False)
    monkeypatch.setenv("GALLEY_HOME", str(tmp_path / "home"))
    zones = Zones.from_settings(Settings())
    data = "A lamp that glows 灯".encode()
    key = f"2026-11-01/spring/{ITEMS[0].item_id}.txt"
    zones.published.put(key, data)
    entry = published(ITEMS[0], uri=zones.uri(zones.published, key), sha256=hashlib.sha256(data).hexdigest())
    with Catalog.open(Settings().catalog_url) as catalog:
        catalog.record_finished(
            run_info(),
            items=ITEMS,
            rejects=[Reject(source="x.jsonl", line=3, field="seed", value="a", rule="is not a number")],
            results=[result(each) for each in ITEMS],
            verdicts=[verdict(ITEMS[0], "prompt"), verdict(ITEMS[0], "artifact"), verdict(ITEMS[1], "prompt", "hold")],
            release=release(1, []).model_copy(update={"published": (entry,)}),
        )
    return zones


def run(*arguments: str, of: typer.Typer = app) -> Result:
    return CliRunner().invoke(of, arguments, catch_exceptions=False)


def jsonl(*arguments: str) -> list[dict[str, Any]]:
    answer = run(*arguments, "--format", "jsonl")
    assert answer.exit_code == 0
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_runs_fields(installation: Zones) -> None:
    (line,) = jsonl("runs")
    assert list(line) == ["run", "dag_id", "run_id", "content_date", "started", "state", "counts"]
    assert (line["run"], line["content_date"], line["state"]) == (RUN, "2026-11-01", "success")
    assert line["started"] == "2026-11-01T06:00:00+00:00"
    assert line["counts"] == {
        "pending": 0,
        "published": 1,
        "held": 1,
        "blocked": 0,
        "failed": 0,
        "withdrawn": 0,
        "rejected": 1,
    }


def test_items_fields(installation: Zones) -> None:
    first, second = jsonl("items", "--run", RUN[:12])
    assert list(first) == [
        "item_id",
        "custom_id",
        "brief",
        "variant",
        "kind",
        "model",
        "state",
        "request_key",
        "source_sha256",
        "sha256",
        "uri",
        "media_type",
        "seed",
        "seconds",
        "verdict",
    ]
    assert list(first["verdict"]) == ["decision", "reasons", "scores"]
    assert (first["state"], first["verdict"]["decision"], first["seconds"]) == ("published", "allow", 0.5)
    assert first["verdict"]["scores"] == {"detoxify/toxicity": 0.25}
    assert (second["state"], second["sha256"]) == ("held", None)
    assert second["verdict"]["decision"] == "hold"
    assert second["verdict"]["reasons"][0]["subject"] == "prompt"
    assert jsonl("items", "--run", "latest", "--state", "held") == [second]


def test_rejects_fields(installation: Zones) -> None:
    assert jsonl("rejects", "--run", "latest") == [
        {"source": "x.jsonl", "line": 3, "field": "seed", "value": "a", "rule": "is not a number"}
    ]


def test_tables_for_people(installation: Zones) -> None:
    assert RUN[:20] in run("runs").stdout
    assert "spring-1" in run("items").stdout
    assert "seed" in run("rejects").stdout


def test_an_unknown_run_is_an_error(installation: Zones) -> None:
    with pytest.raises(CatalogError, match="no run 'nope'"):
        run("items", "--run", "nope")


def test_fetch_gives_the_bytes_and_refuses_changed_ones(installation: Zones) -> None:
    uri = jsonl("items")[0]["uri"]
    assert run("fetch", uri).stdout_bytes.decode() == "A lamp that glows 灯"
    store, key = installation.resolve(uri)
    store.put(key, b"something else")
    with pytest.raises(IntegrityError):
        run("fetch", uri)


def test_export_writes_files_and_says_what(installation: Zones, tmp_path: Path) -> None:
    answer = run("export", "latest", str(tmp_path / "out"), "--format", "csv")
    assert answer.exit_code == 0
    assert "items.csv: 2" in answer.stderr
    assert "glows 灯" in (tmp_path / "out" / "items.csv").read_text("utf-8-sig")
    with pytest.raises(InputError, match="not empty"):
        run("export", "latest", str(tmp_path / "out"), "--format", "csv")


def test_an_empty_catalog_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALLEY_HOME", str(tmp_path))
    assert "make run makes one" in run("runs").stdout
    assert run("migrate", of=db_app).stdout == "0002: nothing to do\n"


def test_stats_fields(installation: Zones) -> None:
    figures = JobStats(job="generate-toy-00", model="toy", engine="slots", items=3, useful_rows=8, computed_rows=10)
    for job in ("generate-toy-00", "generate-toy-01"):
        data = figures.model_copy(update={"job": job}).model_dump_json().encode()
        installation.work.put(f"runs/{RUN}/jobs/{job}/stats.json", data)
    installation.work.put(f"runs/{RUN}/jobs/screen-00/stats.json", b'{"subjects": 3}')
    lines = jsonl("stats", "--run", RUN)
    assert [line["job"] for line in lines] == ["generate-toy-00", "generate-toy-01"]
    assert list(lines[0]) == [
        "job", "model", "engine", "items", "useful_rows", "computed_rows", "mean_rows", "seconds", "tokens_per_second",
        "evaluations_per_second", "peak_memory_bytes",
    ]  # fmt: skip
    assert "generate-toy-01" in run("stats", "--run", RUN).stdout


def test_stats_that_are_none_are_named(installation: Zones) -> None:
    installation.work.put(f"runs/{RUN}/jobs/generate-toy-00/stats.json", b"[]")
    with pytest.raises(IntegrityError, match=r"generate-toy-00/stats\.json is no figures of a job"):
        run("stats", "--run", RUN)
