from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from galley.ui.progress import LiveView, PlainView, State


def task(name: str, state: str, tries: int = 1, index: int = -1, label: str = "") -> dict[str, Any]:
    return {"event": "task", "task": name, "map_index": index, "label": label, "state": state, "try": tries}


RUN = {
    "event": "run",
    "dag_id": "daily_content",
    "run_id": "r",
    "content_date": "2026-11-23",
    "again": False,
    "joined": False,
}


def test_plain_lines_say_what_changed_and_no_more() -> None:
    lines: list[str] = []
    view = PlainView(lines.append, clock=lambda: 0.0)
    for event in (
        {"event": "step", "text": "preparing Airflow's database"},
        RUN,
        task("collect", "queued"),
        task("collect", "running"),
        task("collect", "success"),
        task("generate", "running", index=0, label="generate-a-00"),
        task("generate", "up_for_retry", index=0, label="generate-a-00"),
        task("generate", "running", 2, index=0, label="generate-a-00"),
        task("generate", "failed", 2, index=0, label="generate-a-00"),
    ):
        view.event(event)
    assert [line.split("] ")[1] for line in lines] == [
        "preparing Airflow's database",
        "daily_content, content date 2026-11-23",
        "collect: done",
        "generate generate-a-00: waits for another try",
        "generate generate-a-00: running, try 2",
        "generate generate-a-00: failed",
    ]


def test_a_stage_is_as_its_tasks_are() -> None:
    state = State()
    state.take(task("generate", "none"))
    assert state.stage("generate") == ("none", 0, 1)
    state.take(task("generate", "success", index=0))
    state.take(task("generate", "running", index=1))
    assert state.stage("generate") == ("running", 1, 2)
    state.take(task("generate", "skipped", index=1))
    assert state.stage("generate") == ("success", 2, 2)
    assert state.stage("record") == ("none", 0, 0)


def test_a_terminal_shows_every_stage() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    with LiveView(console) as view:
        view.event(RUN)
        view.event(task("collect", "success"))
        view.event(task("generate", "failed", index=0, label="generate-a-00"))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert (
        "content date 2026-11-23" in shown and "screen prompts" in shown and "generate generate-a-00: failed" in shown
    )
