"""# Content for request files, with a sensor

The same as `inbox_content` for those who prefer sensors, with a folder of its own in the inbox (`sensor/`, or what
`GALLEY_INBOX_SENSOR_FOLDER` says), which `inbox_content` leaves alone:

    wait_for_file -> collect -> plan -> screen prompts -> generate -> screen -> publish -> record

Waiting happens in the triggerer and holds no worker slot. A run that has waited for an hour is skipped and the next one
waits, so that a file gets the content date of the hour in which it arrives; `@continuous` would date a run by the end
of the one before, which may have been yesterday.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable

from galley.airflow.inbox import RequestFileSensor
from galley.airflow.pipeline import DEFAULT_ARGS, TAG, content_pipeline
from galley.settings import Settings

settings = Settings()

with DAG(
    dag_id="inbox_content_sensor",
    description="Each request file that arrives in the sensor's folder of the inbox",
    schedule=CronTriggerTimetable("* * * * *", timezone=settings.timezone),
    start_date=pendulum.datetime(2025, 1, 1, tz=settings.timezone),
    catchup=False,
    max_active_runs=2,
    default_args=DEFAULT_ARGS,
    tags=[TAG],
    doc_md=__doc__,
):
    wait_for_file = RequestFileSensor(
        task_id="wait_for_file",
        folder=settings.inbox_sensor_folder,
        poke_interval=settings.inbox_poll,
        timeout=timedelta(hours=1),
        soft_fail=True,
        doc_md="Wait until a request file can be claimed for this run, and copy it",
    )
    content_pipeline(settings, file=wait_for_file.output)
