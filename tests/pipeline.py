"""A whole installation in a temporary directory, and its stages one by one: what the DAGs do, without Airflow.

The model is the echo engine's, the policy has the checks that need no model, and jobs run in this process, on whatever
stores the test gives. Nothing is mocked: collect, plan, the worker's commands, publish and record are the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from galley.catalog.facade import Catalog
from galley.exit_codes import code_of, raise_for
from galley.items import Job
from galley.models import Models
from galley.settings import Settings
from galley.stages.collect import Trigger, collect
from galley.stages.plan import plan_run
from galley.stages.record import Report, record_run
from galley.stages.run import PlannedTask, PlanRecord, RunFiles
from galley.storage import Zones
from galley.worker.__main__ import COMMANDS, load_job
from galley.worker.attempt import Attempt
from tests.jobs import text_model

DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
BRIEF = """\
name: echoes
kind: text
prompt: "{{ words }}"
variables:
  - {words: a calm sentence}
  - {words: another calm sentence}
  - {words: write to jane.doe@example.com}
  - {words: pay with 4111 1111 1111 1111}
  - {words: please FAIL here}
  - {words: a third calm sentence}
  - {words: a fourth calm sentence}
  - {words: a badword for the list}
variants:
  - {name: short, params: {max_new_tokens: 8}}
  - {name: long, params: {max_new_tokens: 32}}
"""
POLICY = """\
name: default
checks:
  personal_data: {type: patterns, classes: {email: hold, card: block}}
  terms: {type: terms, lists: [bad]}
"""
TERMS = "name: bad\ndecision: block\nterms: [badword]\n"
MODELS = """\
defaults: {text: echo}
models:
  echo: {kind: text, source: ./echo, licence: Apache-2.0, engine: echo}
"""


def installation(root: Path, **changes: Any) -> Settings:
    """Settings of an installation below ``root``, with one brief, one policy and one model."""
    (root / "briefs").mkdir(parents=True)
    (root / "briefs" / "echoes.yaml").write_text(BRIEF)
    (root / "policies" / "terms").mkdir(parents=True)
    (root / "policies" / "default.yaml").write_text(POLICY)
    (root / "policies" / "terms" / "bad.yaml").write_text(TERMS)
    text_model(root / "models" / "echo")
    (root / "models" / "models.yaml").write_text(MODELS)
    fields: dict[str, Any] = {
        "root": root,
        "home": root / "home",
        "briefs_dir": root / "briefs",
        "policies_dir": root / "policies",
        "models_file": root / "models" / "models.yaml",
        "worker_threads": 1,
        "worker_slots": 2,
    }
    return Settings(**fields | changes)


@dataclass
class Pipeline:
    """One run of an installation.

    Attributes:
        settings: the installation.
        zones: its stores.
        trigger: what started the run.
        check: called by the worker between batches; raises to stop it.
        attempts: executions of jobs so far; each has a token of its own.
        shared: a catalog to use and leave open; default: the installation's, opened for every use.
    """

    settings: Settings
    zones: Zones
    trigger: Trigger = field(default_factory=lambda: Trigger("daily_content", f"scheduled__{DAY}", DAY))
    check: Callable[[], None] = lambda: None
    shared: Catalog | None = None
    attempts: int = 0
    models: Models = field(init=False)

    def __post_init__(self) -> None:
        self.models = Models.from_settings(self.settings)

    @property
    def files(self) -> RunFiles:
        """The run's objects."""
        return RunFiles(self.zones.work, self.trigger.run)

    def stages(self) -> Iterator[Callable[[], object]]:
        """What the tasks of the DAG do, in order; each may be called again until it succeeds."""
        yield self.collect
        yield self.plan
        plan = self.planned()
        yield lambda: self.job(plan.prompts)
        for task in plan.generate:
            yield lambda task=task: self.job(task)  # type: ignore[misc]
        for task in plan.screen:
            yield lambda task=task: self.job(task)  # type: ignore[misc]
        yield lambda: self.job(plan.publish)
        yield self.record

    def run(self) -> Report:
        """All stages."""
        result: object = None
        for stage in self.stages():
            result = stage()
        assert isinstance(result, Report)
        return result

    def collect(self) -> object:
        """Collect the items."""
        return collect(self.trigger, self.settings, self.zones, self.models.resolve, NOW)

    def plan(self) -> PlanRecord:
        """Plan the jobs."""
        with self.catalog() as catalog:
            return plan_run(self.files, self.settings, catalog, self.models, self.job)

    def planned(self) -> PlanRecord:
        """The plan, read back."""
        plan = self.files.plan()
        assert plan is not None
        return plan

    def job(self, task: PlannedTask) -> None:
        """Execute a job here, as the worker does, and give its exit code the meaning that Airflow gives it."""
        job = load_job(self.zones, task.uri)
        try:
            self.command(job)
        except Exception as error:
            raise_for(code_of(error), task.job, str(error))

    def command(self, job: Job) -> None:
        """The worker's command itself."""
        self.attempts += 1
        token = f"t{self.attempts:05d}"  # the same in every execution of a test
        COMMANDS[job.command](Attempt(job, self.zones, self.settings, lambda event, **fields: None, self.check, token))

    def record(self) -> Report:
        """Record the run."""
        with self.catalog() as catalog:
            return record_run(self.files, self.settings, self.zones, catalog, NOW)

    def catalog(self) -> AbstractContextManager[Catalog]:
        """The installation's catalog."""
        return nullcontext(self.shared) if self.shared is not None else Catalog.open(self.settings.catalog_url)
