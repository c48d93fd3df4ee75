from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.sdk import DAG, CronTriggerTimetable

from galley.airflow.drive import _scheduled

SHANGHAI = ZoneInfo("Asia/Shanghai")


def serialized(cron: str, timezone: str = "Asia/Shanghai"):
    from airflow.serialization.serialized_objects import DagSerialization

    start = pendulum.datetime(2025, 1, 1, tz=timezone)
    dag = DAG("daily", schedule=CronTriggerTimetable(cron, timezone=timezone), start_date=start, catchup=False)
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def at(hour: int, minute: int = 0) -> datetime:
    """A time of 23 November 2026 in Shanghai."""
    return datetime(2026, 11, 23, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


def test_today_is_the_schedules_own_logical_date() -> None:
    logical, kind, run_id = _scheduled(serialized("0 6 * * *"), None, at(9), SHANGHAI)
    assert logical == at(6)
    assert (str(kind), run_id) == ("scheduled", "scheduled__2026-11-22T22:00:00+00:00")


def test_before_todays_time_has_come_it_is_the_last_run_that_was_due() -> None:
    logical, _, _ = _scheduled(serialized("0 6 * * *"), None, at(5, 59), SHANGHAI)
    assert logical.astimezone(SHANGHAI).date() == date(2026, 11, 22)


def test_of_several_runs_of_a_date_the_first_counts() -> None:
    assert _scheduled(serialized("0 */6 * * *"), date(2026, 11, 20), at(9), SHANGHAI)[0] == datetime(
        2026, 11, 19, 16, tzinfo=UTC
    )


@pytest.mark.parametrize("day", [date(2026, 11, 22), date(2024, 6, 1)])
def test_a_date_without_a_run_of_the_schedule_gets_one_at_midnight(day: date) -> None:
    logical, kind, run_id = _scheduled(serialized("0 6 * * mon"), day, at(9), SHANGHAI)
    assert logical.astimezone(SHANGHAI) == datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    assert (str(kind), run_id) == ("manual", f"date__{day}")
