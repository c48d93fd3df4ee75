from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import RetryAction

from galley.airflow.retries import RETRIES, JobRetryPolicy, delay_after
from galley.errors import InputError, JobError, JobInterrupted, JobSpecError, StoreUnavailable, WriteUnknown
from galley.exit_codes import raise_for

POLICY = JobRetryPolicy()


def decide(error: BaseException, tries: int, cleared: int = 0):
    """After so many tries since the run was last cleared, which happened after ``cleared`` tries."""
    return POLICY.evaluate(error, try_number=cleared + tries, max_tries=cleared + RETRIES)


def from_code(code: int | None) -> Exception:
    with pytest.raises(JobError) as caught:
        raise_for(code, "job")
    return caught.value


@pytest.mark.parametrize("code", [75, -9, -15, 137, 143, None])
def test_what_may_pass_is_tried_five_times_more_ever_later(code: int | None) -> None:
    delays = [decide(from_code(code), tries) for tries in range(1, 6)]
    assert {each.action for each in delays} == {RetryAction.RETRY}
    assert [each.retry_delay for each in delays] == [timedelta(seconds=s) for s in (10, 20, 40, 80, 160)]
    assert RETRIES == 5


def test_a_wrong_specification_fails_at_once() -> None:
    assert decide(from_code(65), 1).action is RetryAction.FAIL
    assert decide(JobSpecError("x"), 1).action is RetryAction.FAIL
    assert decide(InputError("form", "seed", "x", "is no number"), 1).action is RetryAction.FAIL


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyError("x"), JobError("exit code 1")])
def test_a_bug_is_tried_once_more(error: Exception) -> None:
    assert decide(error, 1).action is RetryAction.RETRY
    assert decide(error, 2).action is RetryAction.FAIL


@pytest.mark.parametrize("cleared", [1, 7])
def test_a_cleared_run_has_its_tries_again(cleared: int) -> None:
    assert decide(RuntimeError("x"), 1, cleared).action is RetryAction.RETRY
    assert decide(RuntimeError("x"), 2, cleared).action is RetryAction.FAIL
    assert decide(StoreUnavailable("x"), 2, cleared).retry_delay == timedelta(seconds=20)


def test_the_delay_has_a_bound() -> None:
    assert delay_after(1) == timedelta(seconds=10)
    assert delay_after(50) == timedelta(minutes=5)
    assert decide(WriteUnknown("x"), 3).retry_delay == timedelta(seconds=40)
    assert JobRetryPolicy.deserialize(POLICY.serialize()).evaluate(JobInterrupted("x"), 1, 5).reason
