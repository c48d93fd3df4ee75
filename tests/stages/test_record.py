from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from galley.catalog.facade import Catalog
from galley.items import Decision
from galley.publishing.review import approve, withdraw
from galley.stages.record import dispositions, record_run
from galley.stages.sources import local_path
from galley.storage import memory_zones
from tests.pipeline import NOW, Pipeline, installation


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(installation(tmp_path / "root"), memory_zones())


def test_the_catalog_says_of_every_item_what_the_publisher_says(pipeline: Pipeline) -> None:
    report = pipeline.run()
    said = {line.item_id: line for line in dispositions(pipeline.files)}
    with pipeline.catalog() as catalog:
        items = list(catalog.items(pipeline.trigger.run))
        assert [item.state for item in items] == [said[item.item.item_id].state for item in items]
        for item in items:
            line = said[item.item.item_id]
            decision: Decision | None = item.verdict.decision if item.verdict else None
            assert decision == line.decision
            assert (item.uri or "") == line.uri
            if item.uri:
                assert pipeline.zones.read(item.uri)
    assert report.counts == {"published": 4, "held": 1, "blocked": 2, "failed": 1} and not report.complete


def test_recording_again_changes_nothing(pipeline: Pipeline) -> None:
    first = pipeline.run()

    def picture() -> list[object]:
        with pipeline.catalog() as catalog:
            return [catalog.run(pipeline.trigger.run), *(item.public() for item in catalog.items(pipeline.trigger.run))]

    before = picture()
    assert pipeline.record() == first
    assert picture() == before


def test_a_run_recorded_by_many_at_once_is_recorded_by_each(pipeline: Pipeline) -> None:
    first = pipeline.run()
    with ThreadPoolExecutor(8) as pool:
        assert all(report == first for report in pool.map(lambda _: pipeline.record(), range(16)))
    assert [path.name for path in Path(first.sheet).parent.iterdir()] == [Path(first.sheet).name]


def test_a_sheet_that_cannot_show_all_shows_first_what_somebody_has_to_look_at(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("galley.ui.sheets.MAX_CARDS", 3)
    page = Path(pipeline.run().sheet).read_text()
    assert [page.count(f'data-state="{state}"') for state in ("held", "failed", "blocked")] == [1, 1, 1]
    assert page.count('data-state="published"') == 0
    assert "5 more items are not on this sheet" in page


def test_a_decision_made_while_a_run_is_recorded_stays(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.run()
    (held,) = [line for line in dispositions(pipeline.files) if line.state == "held"]
    finish = Catalog.record_finished

    def late(self: Catalog, *arguments: Any, **options: Any) -> None:
        decided = approve(pipeline.zones, pipeline.trigger.run, held.item_id, by="ada")
        self.record_release(decided.latest, decided.latest_uri)
        finish(self, *arguments, **options)

    monkeypatch.setattr(Catalog, "record_finished", late)
    report = pipeline.record()
    assert report.counts == {"published": 5, "blocked": 2, "failed": 1}
    with pipeline.catalog() as catalog:
        (item,) = [item for item in catalog.items(pipeline.trigger.run) if item.item.item_id == held.item_id]
    assert item.state == "published" and item.uri and item.sha256
    assert pipeline.zones.read(item.uri, item.sha256)


def test_the_sheet_shows_what_may_be_shown(pipeline: Pipeline) -> None:
    report = pipeline.run()
    page = Path(report.sheet).read_text()
    assert pipeline.zones.work.get(pipeline.files.key("contact-sheet.html")).decode() == page
    assert page.count('data-state="published"') == 4 and "another calm sentence" in page
    artifact = next(
        result.artifact
        for item in [next(line for line in dispositions(pipeline.files) if line.state == "held")]
        for result in _results(pipeline)
        if result.request_key == item.request_key and result.artifact
    )
    assert pipeline.zones.read(artifact.uri).decode().splitlines()[1] in page  # held texts can be read, to decide
    assert "blocked before it was made" in page and "refused_by_echo" in page


def _results(pipeline: Pipeline):
    from galley.ledger import read_results

    (task,) = [
        info.key
        for info in pipeline.zones.work.list(pipeline.files.key("jobs/generate"))
        if info.key.endswith("job.json")
    ]
    return read_results(pipeline.zones.work, task.replace("job.json", "results")).lines.values()


def test_a_prompt_that_was_cut_is_a_warning_of_the_run_and_a_note_on_its_item(pipeline: Pipeline) -> None:
    brief = pipeline.settings.briefs_dir / "echoes.yaml"
    brief.write_text(brief.read_text().replace("a third calm sentence", "a third calm sentence CUT short"))
    report = pipeline.run()
    assert report.warnings == {"the prompt is longer than the text encoder reads: its end was left out": 1}
    page = Path(report.sheet).read_text()
    assert page.count("the end of the prompt was left out") == 1
    assert page.count("(1 rows)") == 1


def test_a_damaged_object_is_said_to_be_damaged_and_not_shown(pipeline: Pipeline) -> None:
    pipeline.run()
    for zone in (pipeline.zones.published, pipeline.zones.quarantine):
        for info in list(zone.list()):
            if info.key.endswith(".txt"):
                zone.put(info.key, b"<b>damaged</b>")
    report = pipeline.record()
    page = Path(report.sheet).read_text()
    assert "damaged&lt;" not in page and "<b>damaged" not in page and page.count("cannot be shown") == 5


def test_a_run_that_failed_is_recorded_with_what_it_has(pipeline: Pipeline) -> None:
    pipeline.collect()
    with pipeline.catalog() as catalog:
        report = record_run(pipeline.files, pipeline.settings, pipeline.zones, catalog, NOW, succeeded=False)
        assert (report.state, report.release_uri, report.complete) == ("failed", "", False)
        assert catalog.run(pipeline.trigger.run).state == "failed"
        assert report.counts == {"failed": 8}
    assert "The run failed before its end" in Path(report.sheet).read_text()
    assert pipeline.run().counts["published"] == 4, "and goes on from there"


def test_what_people_decided_stays_when_the_run_is_executed_again(pipeline: Pipeline) -> None:
    pipeline.run()
    lines = list(dispositions(pipeline.files))
    held = next(line.item_id for line in lines if line.state == "held")
    published = next(line.item_id for line in lines if line.state == "published")
    approve(pipeline.zones, pipeline.trigger.run, held, by="kim", note="fine")
    withdraw(pipeline.zones, pipeline.trigger.run, published, by="kim", reason="no")
    report = pipeline.run()
    assert report.counts == {"published": 4, "withdrawn": 1, "blocked": 2, "failed": 1}
    with pipeline.catalog() as catalog:
        states = {item.item.item_id: (item.state, item.approved_by) for item in catalog.items(pipeline.trigger.run)}
    assert states[held] == ("published", "kim") and states[published][0] == "withdrawn"


def test_uris_of_files_with_unusual_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a file, 100 % größer.jsonl"
    path.write_text("{}\n")
    assert local_path(path.as_uri()) == path
