from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.stages.content_date import content_date, midnight, moment_of

SHANGHAI, NEW_YORK, LONDON = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York"), ZoneInfo("Europe/London")
ZONES = st.sampled_from([UTC, SHANGHAI, NEW_YORK, LONDON, ZoneInfo("Africa/Cairo"), ZoneInfo("Pacific/Apia")])
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("logical", "zone", "expected"),
    [
        (datetime(2026, 11, 22, 22, tzinfo=UTC), SHANGHAI, date(2026, 11, 23)),
        (datetime(2026, 11, 22, 22, tzinfo=UTC), UTC, date(2026, 11, 22)),
        (datetime(2026, 11, 23, 2, tzinfo=UTC), NEW_YORK, date(2026, 11, 22)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), LONDON, date(2026, 3, 29)),
        (None, UTC, date(2026, 11, 23)),
    ],
)
def test_the_date_is_that_of_the_logical_date_in_the_dags_timezone(logical, zone, expected) -> None:
    assert content_date(logical, NOW, zone) == expected


def test_without_a_logical_date_run_after_counts() -> None:
    assert content_date(None, datetime(2026, 11, 23, 23, tzinfo=UTC), SHANGHAI) == date(2026, 11, 24)


def test_a_moment_without_timezone_is_refused() -> None:
    with pytest.raises(ValueError, match="no timezone"):
        content_date(datetime(2026, 11, 23), NOW, UTC)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), ZONES, st.binary(max_size=8))
def test_a_files_moment_lies_in_the_first_minute_of_its_date(day, zone, data) -> None:
    import hashlib

    sha256 = hashlib.sha256(data).hexdigest()
    moment = moment_of(day, zone, sha256)
    assert moment == moment_of(day, zone, sha256)
    assert timedelta() <= moment - midnight(day, zone) < timedelta(minutes=1)
    if midnight(day, zone).astimezone(zone).date() == day:  # Apia left out 30 December 2011
        assert content_date(moment, NOW, zone) == day
