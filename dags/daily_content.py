"""# Daily content

Makes what the briefs in `include/briefs/` ask for, once per content date:

    collect -> plan -> screen prompts -> generate -> screen -> publish -> record

The content date is the date of the run's logical date in the schedule's timezone; seeds come from it, so every day has
items of its own, and a day that is run again, cleared or backfilled gets the same ones:

    airflow backfill create --dag-id daily_content --from-date 2026-11-01 --to-date 2026-11-07

What compliance holds waits for `galley review`; it never holds up the run.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable

from galley.airflow.pipeline import DEFAULT_ARGS, TAG, content_pipeline
from galley.settings import Settings

settings = Settings()

with DAG(
    dag_id="daily_content",
    description="Today's briefs, from prompt to published release",
    schedule=CronTriggerTimetable(settings.schedule, timezone=settings.timezone),
    start_date=pendulum.datetime(2025, 1, 1, tz=settings.timezone),
    catchup=False,
    max_active_runs=2,
    default_args=DEFAULT_ARGS,
    tags=[TAG],
    doc_md=__doc__,
):
    content_pipeline(settings, form=False)
