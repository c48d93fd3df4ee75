"""The tasks of a run, wired once for every DAG: collect, plan, screen prompts, generate, screen, publish, record.

What a task does lies in `galley.stages` and in the worker; here is only what Airflow must know. Between tasks pass URIs
and counts. Imports are inside the tasks: the file of a DAG is parsed again for every one of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, XComArg, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from galley.airflow.installation import installation
from galley.airflow.links import RunPageLink, run_page
from galley.airflow.operators import JobOperator
from galley.airflow.retries import FIRST_DELAY, RETRIES, JobRetryPolicy
from galley.airflow.run_notes import NOTE_KEY, quoted
from galley.errors import InputError
from galley.settings import Settings

if TYPE_CHECKING:
    from galley.runtimes import Runtime
    from galley.stages.run import RunFiles
    from galley.storage import Zones

_log = logging.getLogger(__name__)
PUBLISHED = Asset("galley_published", uri="x-galley://published")
"""Updated when a run has published; the event's extra carries the release's URI."""
DEFAULT_ARGS = {
    "owner": "galley",
    "retries": RETRIES,
    # Airflow's own default is five minutes. The policy decides case by case; this holds where it is not asked.
    "retry_delay": FIRST_DELAY,
    "retry_policy": JobRetryPolicy(),
}
TAG = "content_generation"
GENERATION, GPU = "generation", "gpu"
# Where every generation job is done already there is none to map over, and the stage is skipped: the others go on.
# Where the run's first task was skipped, all are.
GOES_ON = "none_failed_min_one_success"
COMMON: dict[str, Any] = {"pool": GENERATION, "trigger_rule": GOES_ON, "map_index_template": "{{ label }}"}


def content_pipeline(settings: Settings, *, form: bool = False, file: XComArg | None = None) -> None:
    """Add the tasks of a run to the DAG that is being defined.

    Args:
        settings: pools and how many jobs a run may have at once.
        form: the run's Params say what to make.
        file: what claims a request file for the run, whose rows are then what to make; where it is skipped, all is.
            With neither, the briefs that are due say what to make.
    """
    run = collect(form, file)
    planned = plan(run)
    prompts = JobOperator(
        task_id="screen_prompts",
        spec=planned["prompts"],
        doc_md="Screen the prompts: a blocked one is never generated",
        **COMMON,
    )
    generate = JobOperator.partial(
        task_id="generate",
        doc_md="Make what no earlier run has made",
        max_active_tis_per_dagrun=settings.worker_slots,
        **COMMON | {"pool": GPU if settings.gpus else GENERATION},
    ).expand(spec=planned)
    screening = plan_screening(run)
    screen = JobOperator.partial(
        task_id="screen",
        doc_md="Screen every artifact: one verdict each",
        max_active_tis_per_dagrun=settings.worker_slots,
        **COMMON,
    ).expand(spec=screening)
    publish = JobOperator(
        task_id="publish",
        spec=planned["publish"],
        doc_md="Mark and publish what passed; the release comes last",
        **COMMON,
    )
    recorded = record(run)
    recorded.operator.operator_extra_links = (RunPageLink(),)
    prompts >> generate >> screening
    screen >> publish >> recorded


@task(doc_md="Expand briefs, a request file or the form into items, row by row; reject what is wrong")
def collect(form: bool, file: str | None) -> str:
    """Returns the run's name; ``file`` is the URI of the request file that was claimed for it."""
    from zoneinfo import ZoneInfo

    from galley.catalog.facade import Catalog
    from galley.complaints import refusal
    from galley.models import Models
    from galley.stages.collect import Trigger
    from galley.stages.collect import collect as collect_items
    from galley.stages.content_date import content_date
    from galley.stages.inbox import claimed_by
    from galley.stages.record import info_of
    from galley.stages.run import RunFiles
    from galley.storage import Zones

    context: Any = get_current_context()
    dag_run, params, settings = context["dag_run"], context["params"], installation()
    zones = Zones.from_settings(settings)
    trigger = Trigger(
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        content_date=content_date(dag_run.logical_date, dag_run.run_after, ZoneInfo(settings.timezone)),
        params=dict(params) if form else None,
        conf_keys=tuple(dag_run.conf or ()),
    )
    if file is not None:
        source, brief = claimed_by(RunFiles(zones.work, trigger.run))
        trigger = replace(trigger, file=source, brief=brief)
    models = Models.from_settings(settings)
    try:
        record = collect_items(trigger, settings, zones, models.resolve, datetime.now(UTC))
        if form and not params.get("source") and not record.items:
            # One person asked for one thing here and now: no other row could go on while a report tells of this one.
            wrong = next(RunFiles(zones.work, record.run).rejects(), None)
            if wrong is not None:
                raise refusal(wrong)
    except InputError as error:
        context["ti"].xcom_push(key=NOTE_KEY, value=f"nothing made, {quoted(str(error))}")
        raise AirflowFailException(str(error)) from None
    print(f"run={record.run} content_date={record.content_date} items={record.items} rejects={record.rejects}")
    with Catalog.open(settings.catalog_url) as catalog:  # a run under way, or killed, is one to be seen
        catalog.record_run(info_of(record))
    return record.run


@task(doc_md="Drop what was made before, group by model, shard by cost: the jobs of this run")
def plan(run: str) -> list[dict[str, Any]]:
    """Returns the generation jobs to map over; the two single jobs are XComs of their own."""
    from galley.airflow.runtimes import open_runtime
    from galley.catalog.facade import Catalog
    from galley.models import Models
    from galley.runtimes.waiting import execute_here
    from galley.stages.plan import plan_run

    settings = installation()
    here = _Run(run, settings)
    execute = execute_here(lambda name: open_runtime(name, settings), here.zones, print)
    with Catalog.open(settings.catalog_url) as catalog:
        planned = plan_run(here.files, settings, catalog, Models.from_settings(settings), execute, print)
    context: Any = get_current_context()
    for name, job in (("prompts", planned.prompts), ("publish", planned.publish)):
        context["ti"].xcom_push(key=name, value=job.model_dump())
    return [job.model_dump() for job in planned.generate]


@task(doc_md="The screening jobs: one per worker slot", trigger_rule=GOES_ON)
def plan_screening(run: str) -> list[dict[str, Any]]:
    """Returns the screening jobs to map over."""
    planned = _Run(run, installation()).files.plan()
    return [job.model_dump() for job in planned.screen] if planned else []


@task(
    doc_md="Write the catalog, the report and the contact sheet, also of a run that failed; announce the release",
    trigger_rule="all_done",
    outlets=[PUBLISHED],
)
def record(run: str) -> dict[str, Any]:
    """Returns the counts and where the report is."""
    from galley.catalog.facade import Catalog
    from galley.items import run_name
    from galley.stages.record import record_run
    from galley.stages.run import RunRecord, counted

    context: Any = get_current_context()
    dag_run, ti = context["dag_run"], context["ti"]
    states = ti.get_task_states(dag_id=dag_run.dag_id, run_ids=[dag_run.run_id])[dag_run.run_id]
    failed = sorted(name for name, state in states.items() if state in ("failed", "upstream_failed"))
    settings = installation()
    here = _Run(run_name(dag_run.dag_id, dag_run.run_id), settings)
    recorded = here.files.read("run.json", RunRecord)
    if recorded is None:
        if not failed:
            raise AirflowSkipException("no request file was left for this run; there is nothing to record")
        raise AirflowFailException("collect failed; there is nothing to record")
    with Catalog.open(settings.catalog_url) as catalog:
        report = record_run(here.files, settings, here.zones, catalog, datetime.now(UTC), succeeded=not failed)
    planned = here.files.plan()
    jobs = [planned.prompts, *planned.generate, *planned.screen, planned.publish] if planned else []
    _reap(settings, here.files, {job.runtime for job in jobs} or recorded.runtimes, ti.get_dagrun_state)
    _sweep(settings, here.zones)
    counts = {str(state): number for state, number in report.counts.items()} | {"rejected": report.rejects}
    if run:
        ti.xcom_push(key=NOTE_KEY, value=f"[{counted(counts)}]({run_page(dag_run.dag_id, dag_run.run_id)})")
    if failed:
        raise AirflowFailException(f"recorded as failed, for these tasks did not succeed: {', '.join(failed)}")
    context["outlet_events"][PUBLISHED].extra = {"run": report.run, "release": report.release_uri}
    return {"report": here.files.uri("report.json"), "rejects": report.rejects} | {**report.counts}


def _reap(settings: Settings, files: RunFiles, runtimes: Collection[str], state_of: Callable[[str, str], str]) -> None:
    """End what is left on these runtimes of this run's jobs, whose last task this is, and of runs that have ended.

    The latter had no `record`: a person marked the whole run while a task waited for another try, say.

    Args:
        settings: the installation.
        files: of this run.
        runtimes: names of those that it used.
        state_of: asks Airflow for the state of a run, by the ids of its DAG and its own.
    """
    from galley.airflow.runtimes import open_runtime
    from galley.errors import GalleyError

    for name in sorted(runtimes):
        try:
            runtime = open_runtime(name, settings)
            for label in runtime.reap(partial(_waited_for, files, runtime, state_of)):
                _log.info("Nobody waited for %s any more", label)
        except GalleyError as error:  # the next run that ends on this runtime tries again
            _log.warning("Jobs that nobody waits for may be left: %s", error)


def _sweep(settings: Settings, zones: Zones) -> None:
    """Clear the zones of what writes that died have left, once a day."""
    from galley.errors import StoreError
    from galley.storage.leftovers import sweep

    try:
        if swept := sweep(zones, settings.home / "swept"):
            _log.info("Removed %d leftovers of writes that died", swept)
    except (StoreError, OSError) as error:  # this run is recorded; tomorrow's tries again
        _log.warning("Leftovers of writes that died may take room: %s", error)


def _waited_for(files: RunFiles, runtime: Runtime, state_of: Callable[[str, str], str], label: str) -> bool:
    """Whether anybody may still wait for a job; of another run's, False only where Airflow says that it has ended."""
    from galley.items import Job
    from galley.stages.run import RunFiles, RunRecord

    run, _, job = label.partition("/")
    if run == files.run:
        return False
    try:
        # A runtime may ask about every job it ever had, and Airflow is asked only about what runs.
        if runtime.find(Job(job=job, run=run, command="generate", prefix="")) is None:
            return True
        recorded = RunFiles(files.work, run).read("run.json", RunRecord)
        # Asked anew for every job: meanwhile somebody may have cleared the run, and it goes on.
        return recorded is None or state_of(recorded.dag_id, recorded.run_id) not in ("success", "failed")
    except Exception as error:  # whatever it is: this run is recorded, and the job is left to the next one's end
        _log.warning("Whether anybody waits for %s cannot be told: %s", label, error)
        return True


class _Run:
    """A run's objects and the zones they lie in."""

    def __init__(self, run: str, settings: Settings) -> None:
        from galley.stages.run import RunFiles
        from galley.storage import Zones

        self.zones = Zones.from_settings(settings)
        self.files: RunFiles = RunFiles(self.zones.work, run)
