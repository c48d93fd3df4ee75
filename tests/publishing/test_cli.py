from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from galley.catalog.facade import Catalog
from galley.catalog.rows import RunInfo
from galley.cli import app
from galley.compliance.inputs import job_results
from galley.items import Verdict
from galley.ledger import read_verdicts
from galley.publishing.publish import publish_run
from galley.publishing.releases import latest, release_key
from galley.settings import Settings
from galley.storage import Zones
from tests.publishing.samples import DAY, RUN, World
from tests.publishing.test_publish import outcome, world


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A published run, recorded in the catalog of an installation of its own: one item of each state."""
    monkeypatch.setenv("GALLEY_HOME", str(tmp_path / "home"))
    settings = Settings()
    zones = Zones.from_settings(settings)
    made = world(zones=zones)
    job = made.job()
    publish_run(job, zones)
    release = latest(zones.published, RUN)
    assert release is not None
    moment = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    info = RunInfo(
        run=RUN, dag_id="daily_content", run_id="r", content_date=DAY, started=moment, finished=moment, state="success"
    )
    found: list[Verdict] = list(read_verdicts(zones.work, f"runs/{RUN}/jobs/screen-1/verdicts").lines.values())
    with Catalog.open(settings.catalog_url) as catalog:
        catalog.record_finished(
            info,
            items=made.items,
            results=job_results(job, zones.work),
            verdicts=found,
            dispositions=outcome(zones).values(),
            release=release,
            release_uri=f"{zones.published.url}/{release_key(RUN, release.number)}",
        )
    return made


def galley(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def jsonl(*arguments: str) -> list[dict[str, Any]]:
    found = galley(*arguments, "--format", "jsonl")
    assert found.exit_code == 0, found.output
    return [json.loads(line) for line in found.stdout.splitlines()]


def state(made: World, row: int) -> str:
    with Catalog.open(Settings().catalog_url) as catalog:
        return catalog.find_item(made.items[row].item_id).state


def test_review_lists_what_is_held_and_nothing_else(installation: World) -> None:
    (line,) = jsonl("review")
    held = installation.items[1]
    assert (line["item_id"], line["state"], line["run"]) == (held.item_id, "held", RUN)
    assert line["prompt"] == held.request.prompt
    assert line["verdict"]["decision"] == "hold" and line["verdict"]["reasons"][0]["detail"] == "test says hold"
    table = galley("review").stdout
    assert held.item_id[:6] in table and installation.items[0].item_id[:6] not in table


def test_approving_publishes_at_once_and_the_catalog_says_so(installation: World) -> None:
    held = installation.items[1]
    (line,) = jsonl("review", "approve", held.item_id[:12], "--by", "ada", "--note", "fine")
    assert (line["item_id"], line["state"], line["release"]) == (held.item_id, "published", 2)
    assert installation.zones.read(line["uri"], line["sha256"])
    assert state(installation, 1) == "published"
    assert jsonl("review") == []
    assert jsonl("review", "approve", held.item_id, "--by", "ada")[0]["release"] == 2


def test_rejecting_blocks_and_withdrawing_takes_back(installation: World) -> None:
    (rejected,) = jsonl("review", "reject", installation.items[1].item_id, "--by", "ada", "--note", "no")
    (gone,) = jsonl("withdraw", installation.items[0].item_id, "--by", "bob", "--reason", "wrong price")
    assert (rejected["state"], gone["state"], gone["release"]) == ("blocked", "withdrawn", 3)
    assert (state(installation, 1), state(installation, 0)) == ("blocked", "withdrawn")
    release = latest(installation.zones.published, RUN)
    assert release is not None and release.published == ()


def test_one_item_that_cannot_be_decided_does_not_stop_the_others(installation: World) -> None:
    blocked, held = installation.items[2].item_id, installation.items[1].item_id
    found = galley("review", "approve", blocked, "nosuchitem", held, "--by", "ada")
    assert found.exit_code == 1
    assert "only what is held can be approved" in found.stderr and "nosuchitem" in found.stderr
    assert state(installation, 1) == "published"


def test_who_decides_and_why_must_be_said(installation: World) -> None:
    public = installation.items[0].item_id
    assert galley("withdraw", public, "--by", "ada").exit_code != 0
    assert galley("withdraw", public, "--by", "ada", "--reason", " ").exit_code != 0
    assert galley("review", "approve", installation.items[1].item_id).exit_code != 0
    assert len(list(installation.zones.published.list(f"releases/{RUN}/"))) == 1
