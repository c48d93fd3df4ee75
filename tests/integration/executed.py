"""The pipeline without Airflow, its jobs executed by the installation's own runtime."""

from __future__ import annotations

from dataclasses import dataclass

from galley.exit_codes import raise_for
from galley.publishing.releases import history
from galley.runtimes import open_runtime
from galley.settings import Settings
from galley.stages.run import PlannedTask
from galley.storage import Zones
from galley.worker.__main__ import load_job
from tests.pipeline import Pipeline
from tests.runtimes.conformance import log, wait


@dataclass
class Executed(Pipeline):
    """The pipeline with its jobs on the installation's runtime."""

    def job(self, task: PlannedTask) -> None:
        runtime = open_runtime(task.runtime, self.settings)
        handle = runtime.submit(load_job(self.zones, task.uri), task.uri)
        raise_for(wait(runtime, handle), task.job, "\n".join(log(runtime, handle)))


def published_by(settings: Settings) -> tuple[list[tuple[str, str]], list[str], dict[str, int]]:
    """Run an installation's pipeline once: request key and sha256 of what it published, what it held, and counts."""
    run = Executed(settings, Zones.from_settings(settings))
    report = run.run()
    last = history(run.zones.published, run.trigger.run)[-1]
    for entry in last.published:
        run.zones.read(entry.uri, sha256=entry.sha256)
    held = sorted(info.key for info in run.zones.quarantine.list())
    return [(entry.request_key, entry.sha256) for entry in last.published], held, report.counts
