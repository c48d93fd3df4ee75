from __future__ import annotations

import pytest

from galley.airflow.links import run_page, runs_page
from galley.items import run_name


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("", ""),
        ("http://localhost:8080", ""),
        ("https://x.example/airflow", "/airflow"),
        ("https://x.example/a/b/", "/a/b"),
    ],
)
def test_pages_lie_below_airflows_own_path_on_whatever_host(
    monkeypatch: pytest.MonkeyPatch, base_url: str, path: str
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    assert runs_page() == f"{path}/galley/runs"
    assert run_page("daily", "scheduled__x") == f"{path}/galley/runs/{run_name('daily', 'scheduled__x')}"
