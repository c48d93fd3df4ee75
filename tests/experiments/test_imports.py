"""Exposures and outcomes from files and single calls: each once, each wrong line named."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from galley.catalog import upsert
from galley.catalog.database import reading
from galley.catalog.facade import Catalog
from galley.catalog.models import ExposureRow, OutcomeRow
from galley.errors import InputError
from galley.experiments import imports
from galley.experiments.csv_rows import MAX_LINE, CsvRows
from galley.experiments.exposures import add_exposure, import_exposures
from galley.experiments.imports import Imported
from galley.experiments.outcomes import add_outcome, import_outcomes
from tests.catalog.samples import RUN, item, run_info

ITEMS = [item(row, variant="ab"[row % 2], experiment="steps") for row in range(4)]
IDS = [each.item_id for each in ITEMS]
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def recorded(catalog: Catalog) -> None:
    catalog.record_run(run_info())
    catalog.record_items(RUN, ITEMS)


def count(catalog: Catalog, table: type[ExposureRow] | type[OutcomeRow]) -> int:
    with reading(catalog.engine) as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def csv_file(tmp_path: Path, *lines: str | bytes) -> Path:
    path = tmp_path / "file.csv"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\n")
    return path


def test_exposures_are_recorded_once_and_read_as_growthbook_does(catalog: Catalog, tmp_path: Path) -> None:
    path = csv_file(
        tmp_path,
        "user_id,timestamp,item_id",
        f"ann,2026-11-02T12:00:00Z,{IDS[0]}",
        f"bob,2026-11-02T13:30:00+01:00,{IDS[1]}",
        f"bob,2026-11-02 12:30:00,{IDS[1]}",
    )
    assert import_exposures(catalog, path) == Imported(rows=3, recorded=2, known=1, rejected=0)
    assert import_exposures(catalog, path) == Imported(rows=3, recorded=0, known=3, rejected=0)
    view = 'SELECT user_id, "timestamp", experiment_id, variation_id FROM experiment_exposures ORDER BY user_id'
    with reading(catalog.engine) as connection:
        rows = connection.execute(text(view)).all()
    assert [(row.user_id, row.experiment_id, row.variation_id) for row in rows] == [
        ("ann", "steps", "a"),
        ("bob", "steps", "b"),
    ]
    assert str(rows[1].timestamp).startswith("2026-11-02 12:30:00")


def test_every_wrong_exposure_is_named_and_the_others_are_taken(catalog: Catalog, tmp_path: Path) -> None:
    path = csv_file(
        tmp_path,
        "user_id,timestamp,item_id,experiment_id,variation_id",
        f"ann,2026-11-02T12:00:00Z,{IDS[0]},,",
        f",2026-11-02T12:00:00Z,{IDS[0]},,",
        f"ann,yesterday,{IDS[0]},,",
        f"ann,2026-11-02,{IDS[0]},,",
        "ann,2026-11-02T12:00:00Z,lamp,,",
        "ann,2026-11-02T12:00:00Z,0123456789abcdef,,",
        f"ann,2026-11-02T12:00:00Z,{IDS[0]},steps,b",
        "ann,2026-11-02T12:00:00Z,,steps,c",
        "ann,2026-11-02T12:00:00Z,,,",
        "ann,2026-11-02T12:00:00Z",
        '"ann,2026-11-02T12:00:00Z,,steps,a',
        b"\xff\xfe,2026-11-02T12:00:00Z,,steps,a",
        b"a\x00nn,2026-11-02T12:00:00Z,,steps,a",
        "x" * (MAX_LINE + 5),
        f"{'u' * 257},2026-11-02T12:00:00Z,{IDS[0]},,",
        "",
        "bob,2026-11-02T12:00:00Z,,steps,a",
    )
    assert import_exposures(catalog, path) == Imported(rows=16, recorded=2, known=0, rejected=14)
    rejects = list(catalog.import_rejects(str(path)))
    assert [(each.line, each.field) for each in rejects] == [
        (3, "user_id"),
        (4, "timestamp"),
        (5, "timestamp"),
        (6, "item_id"),
        (7, "item_id"),
        (8, "variation_id"),
        (9, "variation_id"),
        (10, "item_id"),
        (11, ""),
        (12, ""),
        (13, ""),
        (14, ""),
        (15, ""),
        (16, "user_id"),
    ]
    assert rejects[5].rule == f"is not what item {IDS[0]} was assigned: a"
    assert {each.source for each in rejects} == {str(path)}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([""], "is empty"),
        (["user_id;timestamp;item_id"], "columns are parted by commas"),
        (["user_id,timestamp"], "experiment_id: is missing among the columns user_id, timestamp"),
        (["user_id,timestamp,item_id,item_id"], "names a column twice"),
        (["user_id,timestamp,item_di"], "experiment_id: is missing|did you mean"),
        (["user_id,timestamp,item_id,"], "a column without a name"),
        ([b"\xff"], "is not UTF-8"),
    ],
)
def test_a_file_without_usable_columns_is_refused_whole(
    catalog: Catalog, tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        import_exposures(catalog, csv_file(tmp_path, *lines))
    assert caught.value.line == 1


def test_a_file_that_is_not_there_is_named(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        import_outcomes(catalog, tmp_path / "none.csv")


def test_outcomes_long_and_wide_say_the_same(catalog: Catalog, tmp_path: Path) -> None:
    long = csv_file(
        tmp_path,
        "item_id,metric,value,timestamp,user_id",
        f"{IDS[0]},click,1,2026-11-02T12:00:00Z,ann",
        f"{IDS[0]},rating,4.5,2026-11-02T12:00:00Z,ann",
        f"{IDS[1]},click,0,,",
    )
    assert import_outcomes(catalog, long) == Imported(rows=3, recorded=3, known=0, rejected=0)
    wide = csv_file(
        tmp_path,
        "item_id,timestamp,user_id,click,rating",
        f"{IDS[0]},2026-11-02T12:00:00Z,ann,1,4.5",
        f"{IDS[1]},,,0,",
        f"{IDS[2]},,,2,high",
    )
    assert import_outcomes(catalog, wide) == Imported(rows=3, recorded=1, known=3, rejected=1)
    (reject,) = catalog.import_rejects(str(wide))
    assert (reject.line, reject.field, reject.value) == (4, "rating", "high")


@pytest.mark.parametrize("value", ["nan", "inf", "1_000", "1,5", "", "0x10", "٣", "1e999", "--1"])
def test_what_is_no_number_is_rejected(catalog: Catalog, tmp_path: Path, value: str) -> None:
    path = csv_file(tmp_path, "item_id,metric,value", f'{IDS[0]},click,"{value}"')
    assert import_outcomes(catalog, path).rejected == 1
    assert count(catalog, OutcomeRow) == 0


def test_another_value_for_the_same_outcome_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    path = csv_file(tmp_path, "item_id,metric,value", f"{IDS[0]},click,1", f"{IDS[0]},click,2")
    assert import_outcomes(catalog, path) == Imported(rows=2, recorded=1, known=0, rejected=1)
    (reject,) = catalog.import_rejects(str(path))
    assert reject.rule.startswith("is recorded as 1.0 for the same item")


def test_single_calls_record_once_and_refuse_what_is_not_there(catalog: Catalog) -> None:
    assert add_exposure(catalog, "ann", NOON, IDS[0])
    assert not add_exposure(catalog, "ann", NOON, IDS[0])
    assert add_exposure(catalog, "ann", NOON, experiment_id="steps", variation_id="b")
    assert add_outcome(catalog, IDS[0], "rating", 4, NOON, "ann")
    assert not add_outcome(catalog, IDS[0], "rating", 4.0, NOON, "ann")
    with pytest.raises(InputError, match="is no item of this catalog"):
        add_exposure(catalog, "ann", NOON, "0" * 16)
    with pytest.raises(InputError, match=r"is recorded as 4\.0"):
        add_outcome(catalog, IDS[0], "rating", 5, NOON, "ann")
    with pytest.raises(InputError, match="is not a number"):
        add_outcome(catalog, IDS[0], "rating", float("nan"))
    assert (count(catalog, ExposureRow), count(catalog, OutcomeRow)) == (2, 1)


def test_mending_a_file_leaves_only_its_own_rejects(catalog: Catalog, tmp_path: Path) -> None:
    wrong = csv_file(tmp_path, "item_id,click", f"{IDS[0]},x", f"{IDS[1]},1")
    import_outcomes(catalog, wrong)
    mended = csv_file(tmp_path, "item_id,click", f"{IDS[0]},2", f"{IDS[1]},1")
    assert import_outcomes(catalog, mended) == Imported(rows=2, recorded=1, known=1, rejected=0)
    assert list(catalog.import_rejects(str(mended))) == []


CHUNK = 20
"""Lines of a transaction in the test that kills an import."""


def _killed_while_importing(url: str, path: Path) -> None:
    upsert.CHUNK = CHUNK
    record, calls = imports.writing, []

    def deadly(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        return record(*arguments)  # type: ignore[arg-type]

    with mock.patch.object(imports, "writing", deadly), Catalog.open(url) as catalog:
        import_exposures(catalog, path)


def test_killed_between_chunks_then_imported_again_has_every_row_once(
    url: str, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upsert, "CHUNK", CHUNK)
    total = 3 * CHUNK
    lines = [f"u{row},2026-11-02T12:00:00Z,{IDS[row % 4]}" for row in range(total)]
    path = csv_file(tmp_path, "user_id,timestamp,item_id", *lines)
    process = multiprocessing.get_context("spawn").Process(target=_killed_while_importing, args=(url, path))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    there = count(catalog, ExposureRow)
    assert there == 2 * CHUNK
    assert import_exposures(catalog, path) == Imported(total, recorded=total - there, known=there, rejected=0)
    assert count(catalog, ExposureRow) == total


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_any_bytes_give_rows_or_reasons_and_lines_are_counted(lines: list[bytes]) -> None:
    import io

    body = b"\n".join(line.replace(b"\n", b"").replace(b"\r", b"") for line in lines)
    read = list(CsvRows(io.BytesIO(b"a,b\r\n" + body), "x.csv"))
    wanted = [number for number, line in enumerate(body.split(b"\n"), start=2) if line.strip()]
    assert [number for number, _ in read] == wanted
    assert all(isinstance(cells, InputError) or set(cells) == {"a", "b"} for _, cells in read)


def test_a_byte_order_mark_and_quotes_are_understood() -> None:
    import io

    rows = CsvRows(io.BytesIO(b'\xef\xbb\xbfa,b\r\n"x, ""y""", z \r\n'), "x.csv")
    assert rows.columns == ("a", "b")
    assert list(rows) == [(2, {"a": 'x, "y"', "b": "z"})]
