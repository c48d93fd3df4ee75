"""Showing a run while it goes on: a live picture on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from galley.errors import GalleyError
from galley.stages.run import PlanRecord, RunFiles

STAGES = ("collect", "plan", "screen_prompts", "generate", "plan_screening", "screen", "publish", "record")
_DONE = ("success", "skipped", "removed")
_WORDS = {"success": "done", "skipped": "nothing to do", "up_for_retry": "waits for another try", "none": ""}
EVERY_SECONDS = 10.0
"""Between two plain progress lines."""


class View(Protocol):
    """Shows events of `galley.airflow.drive` as they come."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def event(self, event: dict[str, Any]) -> None:
        """One event."""

    def tick(self) -> None:
        """Called several times a second."""


@dataclass
class Made:
    """How many of a run's requests are made, counted from the parts in the store; parts never change."""

    files: RunFiles
    plan: PlanRecord | None = None
    counted: dict[str, int] = field(default_factory=dict)

    def now(self) -> tuple[int, int]:
        """Requests with a result and in all; (0, 0) before there is a plan."""
        try:
            self.plan = self.plan or self.files.plan()
            if self.plan is None:
                return 0, 0
            for task in self.plan.generate:
                for info in self.files.work.list(self.files.key("jobs", task.job, "results") + "/"):
                    if info.key not in self.counted:
                        self.counted[info.key] = self.files.work.get(info.key).count(b"\n")
        except GalleyError:
            pass  # a picture of progress is no reason to disturb a run
        total = sum(task.requests for task in self.plan.generate) if self.plan else 0
        return min(sum(self.counted.values()), total), total


@dataclass
class State:
    """What is known of the run so far: task and map index to state and try, and what is being prepared."""

    step: str = "starting"
    title: str = ""
    tasks: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    labels: dict[tuple[str, int], str] = field(default_factory=dict)

    def take(self, event: dict[str, Any]) -> str:
        """Take an event in; returns a line for people, or ""."""
        if event["event"] == "step":
            self.step = event["text"]
            return self.step
        if event["event"] == "run":
            again = ", under way already" if event["joined"] else ", executed again" if event["again"] else ""
            self.title = f"{event['dag_id']}, content date {event['content_date']}{again}"
            self.step = ""
            return self.title
        if event["event"] != "task":
            return ""
        key = (event["task"], event["map_index"])
        if event["map_index"] >= 0:
            self.tasks.pop((event["task"], -1), None)
        self.tasks[key] = (event["state"], event["try"])
        self.labels[key] = event["label"] or event["task"]
        name = event["task"] if event["map_index"] < 0 else f"{event['task']} {event['label'] or event['map_index']}"
        if event["state"] in ("success", "failed", "up_for_retry"):
            return f"{name}: {_WORDS.get(event['state'], event['state'])}"
        return f"{name}: running, try {event['try']}" if event["state"] == "running" and event["try"] > 1 else ""

    def stage(self, name: str) -> tuple[str, int, int]:
        """State, finished and all tasks of a stage."""
        mine = [state for (task, _), (state, _) in self.tasks.items() if task == name]
        done = sum(state in _DONE for state in mine)
        for state in ("failed", "upstream_failed", "up_for_retry", "running", "queued"):
            if state in mine:
                return state, done, len(mine)
        if mine and done == len(mine):
            return ("success" if "success" in mine else "skipped"), done, len(mine)
        return "none", done, len(mine)


class PlainView:
    """Lines, for logs and pipes: what changes at once, how far generation is every few seconds."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._began = self._told = clock()
        self._state = State()
        self._last = -1
        self.made: Made | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def event(self, event: dict[str, Any]) -> None:
        """Say what changed."""
        if line := self._state.take(event):
            self._say(line)

    def tick(self) -> None:
        """Say how far generation is, now and then."""
        if (
            self.made is None
            or self._clock() - self._told < EVERY_SECONDS
            or self._state.stage("generate")[0] != "running"
        ):
            return
        self._told = self._clock()
        done, total = self.made.now()
        if total and done != self._last:
            self._last = done
            self._say(f"generate: {done} of {total} requests made")

    def _say(self, line: str) -> None:
        self._write(f"[{self._clock() - self._began:6.1f} s] {line}")


class LiveView:
    """A picture of the stages that stays in place, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state = State()
        self._began = time.monotonic()
        self._looked = 0.0
        self._done = (0, 0)
        self._spinner = Spinner("dots")
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self.made: Made | None = None

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(None, None, None)

    def event(self, event: dict[str, Any]) -> None:
        """Take it in; a try that failed stays on the screen."""
        line = self._state.take(event)
        if event["event"] == "task" and event["state"] in ("failed", "up_for_retry"):
            self._console.print(Text(line, style="red" if event["state"] == "failed" else "yellow"))
        self.tick()

    def tick(self) -> None:
        """Draw."""
        if self.made is not None and time.monotonic() - self._looked > 1:
            self._looked = time.monotonic()
            self._done = self.made.now()
        self._live.update(self._picture())

    def _picture(self) -> Group:
        state = self._state
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        head = Text.assemble((state.title or "galley run", "bold"), f"   {minutes}:{seconds:02d}")
        if state.step:
            return Group(head, Text.assemble("  ", (state.step, "dim")))
        table = Table.grid(padding=(0, 1))
        for name in STAGES:
            mark, done, total = state.stage(name)
            icon: Any = {"success": Text("✓", "green"), "failed": Text("✗", "red"), "none": Text("·", "dim")}.get(mark)
            if icon is None:
                icon = self._spinner if mark in ("running", "queued") else Text("–", "dim")
            detail: Any = Text(_WORDS.get(mark, mark) if mark not in ("success", "none") else "", "dim")
            if name == "generate" and self._done[1] and mark in ("running", "queued"):
                detail = Table.grid(padding=(0, 1))
                bar = ProgressBar(total=self._done[1], completed=self._done[0], width=30)
                detail.add_row(bar, f"{self._done[0]} of {self._done[1]}")
            count = f"{done}/{total}" if total > 1 else ""
            table.add_row(" ", icon, name.replace("_", " "), Text(count, "dim"), detail)
        return Group(head, table)
