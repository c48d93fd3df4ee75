"""A standing Airflow as in production: objects in MinIO, the catalog in PostgreSQL, jobs where Airflow's lists say.

The store's keys are in the connection ``galley_store`` and the runtime in the variable ``galley_runtime``; no
environment has either.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from galley.publishing.releases import history
from galley.settings import S3Keys, Settings
from galley.stages.collect import Trigger
from galley.stages.run import RunRecord
from galley.storage import Zones
from tests.integration.executed import Executed
from tests.integration.s3 import S3
from tests.integration.services.base import Server
from tests.integration.services.minio import MinioServer
from tests.integration.services.postgres import PostgresServer
from tests.integration.standing import WORKER, Standing, standing, starters_and_echo

SECONDS = 0.1
"""What a text takes where the echo engine is slowed down, so that there is time to disturb it."""
SLOWLY = f"""\
import sys
sys.path.insert(0, "/opt/galley/include")
import runpy, time
from galley.engines.base import EchoEngine
at_once = EchoEngine.generate
def slowly(self, requests):
    for outcome in at_once(self, requests):
        time.sleep({SECONDS})
        yield outcome
EchoEngine.generate = slowly
while sys.argv[0] != "galley.worker":
    sys.argv.pop(0)
runpy.run_module("galley.worker", run_name="__main__")
"""
"""A program in place of ``python -m galley.worker``."""
DAILY = "daily_content"


@contextmanager
def production(folder: Path, runtime: str, s3: S3, endpoint: str = "", **environment: str) -> Iterator[Standing]:
    """Start one.

    Args:
        folder: its state.
        runtime: of its jobs.
        s3: its server.
        endpoint: that server's URL as jobs reach it; default: its own.
        environment: further variables.
    """
    keys, endpoint = s3.environment, endpoint or s3.endpoint
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        postgres, place = PostgresServer(), Path(stack.enter_context(TemporaryDirectory()))
        place.chmod(0o755)  # PostgreSQL's account is another
        stack.enter_context(served(postgres, place))
        settings = starters_and_echo(
            folder / "root",
            worker_python=WORKER,
            worker_slots=1,
            runtime=runtime,
            store_url=s3.prefix(),
            s3_endpoint_url=endpoint,
            s3_keys=S3Keys(access_key=keys["AWS_ACCESS_KEY_ID"], secret_key=keys["AWS_SECRET_ACCESS_KEY"]),
            database_url=postgres.environment(place)["GALLEY_DATABASE_URL"],
        )
        environment |= {
            "GALLEY_STORE_URL": settings.store_url,
            "GALLEY_DATABASE_URL": settings.database_url,
            "GALLEY_MAX_BATCH_SIZE": "8",
        }
        running = stack.enter_context(standing(settings, **environment))
        connection = {
            "connection_id": "galley_store",
            "conn_type": "aws",
            "login": keys["AWS_ACCESS_KEY_ID"],
            "password": keys["AWS_SECRET_ACCESS_KEY"],
            "extra": json.dumps({"endpoint_url": endpoint}),
        }
        running.api.post("/connections", connection)
        running.api.post("/variables", {"key": "galley_runtime", "value": runtime})
        yield running


@contextmanager
def served(service: Server, folder: Path) -> Iterator[None]:
    """A service of the test's own."""
    service.up(folder)
    try:
        yield
    finally:
        service.down(folder)


@contextmanager
def minio(folder: Path) -> Iterator[S3]:
    """The S3 server."""
    with served(MinioServer(), folder):
        yield S3(MinioServer(), folder)


def texts(rows: int, path: Path) -> Path:
    """Write a request file of so many texts."""
    lines = [
        {"custom_id": f"text-{number:04}", "kind": "text", "prompt": f"a calm sentence, number {number}"}
        for number in range(rows)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def publishes_the_day_as_processes_do(
    airflow: Standing,
    folder: Path,
    briefs: Mapping[str, str] | None = None,
    *,
    run_id: str = "",
    settings: Settings | None = None,
) -> None:
    """Have the day's run made, and by processes of an installation of its own, and compare.

    Args:
        airflow: makes the run.
        folder: where the other installation may be.
        briefs: file name to text; both installations are given them beside those they have.
        run_id: of a run that is made already, or under way; default: one is triggered.
        settings: of the other installation, with the runtime ``process``; default: the starters and the echo engine.
    """
    settings = settings or starters_and_echo(folder / "root", worker_python=WORKER, runtime="process")
    for name, text in (briefs or {}).items():
        for directory in (airflow.settings.briefs_dir, settings.briefs_dir):
            (directory / name).write_text(text)
    run_id = run_id or airflow.trigger(DAILY)
    assert airflow.wait(DAILY, run_id) == "success", airflow.trouble(DAILY, run_id)
    record = airflow.files(DAILY, run_id).read("run.json", RunRecord)
    assert record is not None
    alone = Executed(settings, Zones.from_settings(settings), Trigger(DAILY, run_id, record.content_date))
    alone.run()
    found = _published(airflow.zones, record.run)
    assert found == _published(alone.zones, record.run)
    assert found


def _published(zones: Zones, run: str) -> list[tuple[str, str]]:
    """Request key and sha256 of what a run published, each read and compared."""
    last = history(zones.published, run)[-1]
    for entry in last.published:
        zones.read(entry.uri, sha256=entry.sha256)
    return sorted((entry.request_key, entry.sha256) for entry in last.published)
