"""One standing Airflow for all integration tests; each leaves it as it was, with more runs in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.standing import WORKER, Standing, standing, starters_and_echo


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """`galley up`, with the echo engine for texts (a form's or file's default) and the trained starters."""
    if not WORKER.exists():
        pytest.skip("the worker's environment is not there; run: make setup")
    root = tmp_path_factory.mktemp("installation") / "root"
    with standing(starters_and_echo(root, worker_python=WORKER, worker_slots=1)) as running:
        yield running
