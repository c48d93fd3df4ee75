"""# Content for request files

Starts when a request file arrives in the inbox (`GALLEY_INBOX_URL`; by default `.galley/store/inbox`):

    claim_file -> collect -> plan -> screen prompts -> generate -> screen -> publish -> record

`<brief>/rows.jsonl` applies that brief's policy, experiment and variants; `rows.jsonl` stands for itself. Only `.jsonl`
is taken, once it is the same in two looks, and each version of a file by one run; the run works from a copy. Write a
file under another name and rename it, or write it in one go: half a file would get a run of its own.

A run that finds no file left for it is skipped; that happens when two were woken for one file. Start one by hand to
take what waits. A paused DAG is not woken; what arrives meanwhile is taken when it is unpaused.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Asset, AssetWatcher

from galley.airflow.inbox import INBOX_NAME, INBOX_URI, claim_file
from galley.airflow.inbox_trigger import RequestFileTrigger
from galley.airflow.pipeline import DEFAULT_ARGS, TAG, content_pipeline
from galley.settings import Settings

settings = Settings()
watcher = AssetWatcher(name=INBOX_NAME, trigger=RequestFileTrigger(poll=settings.inbox_poll))

with DAG(
    dag_id="inbox_content",
    description="Each request file that arrives in the inbox",
    schedule=Asset(INBOX_NAME, uri=INBOX_URI, watchers=[watcher]),
    start_date=pendulum.datetime(2025, 1, 1, tz=settings.timezone),
    catchup=False,
    max_active_runs=settings.inbox_active_runs,
    default_args=DEFAULT_ARGS,
    tags=[TAG],
    doc_md=__doc__,
):
    content_pipeline(settings, file=claim_file())
