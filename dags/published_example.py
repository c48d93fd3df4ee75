"""# Example: what was published

Runs after every run that has published, scheduled on the asset that `record` updates, and says what the release holds.
Begin your own DAG like this: announce, deploy or feed what is new. An event names a release; several events may come in
one run, and the release with the highest number is the truth about a run.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, get_current_context, task

from galley.airflow.pipeline import DEFAULT_ARGS, PUBLISHED, TAG
from galley.settings import Settings

settings = Settings()


@task(doc_md="Read the releases that the events name")
def read_releases() -> dict[str, dict[str, int]]:
    """Returns run to the number of items published and withdrawn."""
    from galley.airflow.installation import installation
    from galley.items import Release
    from galley.storage import Zones

    context: Any = get_current_context()
    zones, found = Zones.from_settings(installation()), {}
    for event in context["triggering_asset_events"].get(PUBLISHED, ()):
        run, uri = event.extra["run"], event.extra["release"]
        if uri:  # empty where everything was held or blocked
            release = Release.model_validate_json(zones.read(uri))
            found[run] = {"published": len(release.published), "withdrawn": len(release.withdrawn)}
            print(f"{run}: {uri} {found[run]}")
    return found


with DAG(
    dag_id="published_example",
    description="An example: reads what was just published",
    schedule=PUBLISHED,
    start_date=pendulum.datetime(2025, 1, 1, tz=settings.timezone),
    catchup=False,
    default_args=DEFAULT_ARGS,
    tags=[TAG],
    doc_md=__doc__,
):
    read_releases()
