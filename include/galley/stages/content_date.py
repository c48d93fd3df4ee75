"""The content date of a run: one function, so that no template, task or command can disagree about it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo


def content_date(logical_date: datetime | None, run_after: datetime, timezone: tzinfo) -> date:
    """The date, in the DAG's timezone, of the run's logical date or, where it has none, of its ``run_after``.

    The clock is never asked: a backfilled or repeated run gets the date it had. Runs without a logical date are those
    that an asset or the REST API with ``{"logical_date": null}`` started.

    Raises:
        ValueError: where the moment is naive; its date would then depend on the machine.
    """
    moment = run_after if logical_date is None else logical_date
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no timezone; the content date of a run needs an aware moment")
    return moment.astimezone(timezone).date()


def midnight(day: date, timezone: tzinfo) -> datetime:
    """The first moment of ``day`` in ``timezone``, in UTC; also where clocks jump over midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=timezone).astimezone(UTC)


def moment_of(day: date, timezone: tzinfo, sha256: str) -> datetime:
    """A moment in the first minute of ``day`` that belongs to one file: the same day and digest give the same moment.

    It serves as the logical date of a file run by hand, so that Airflow itself refuses a second run of the same file
    on the same content date. Two files of one day meet once in 6e7 pairs; the run id, which has 64 bits of the
    digest, then tells them apart and Airflow refuses the second.
    """
    return midnight(day, timezone) + timedelta(microseconds=int(sha256[:16], 16) % 60_000_000)
