"""Which failures are worth another try, and when: the exit codes of design.md as an Airflow retry policy."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision

from galley.errors import InputError, JobInterrupted, JobSpecError, ModelRefused, StoreUnavailable, WriteUnknown

if TYPE_CHECKING:
    from airflow.sdk import Context

RETRIES = 5
"""Tries after the first, at most; every task of a run has this many."""
FIRST_DELAY = timedelta(seconds=10)
MAX_DELAY = timedelta(minutes=5)
_PASSING = (JobInterrupted, StoreUnavailable, WriteUnknown)
_HOPELESS = (JobSpecError, InputError, ModelRefused)


def delay_after(tries: int) -> timedelta:
    """How long to wait after ``tries`` failed tries: 10 s, doubling up to five minutes."""
    return min(FIRST_DELAY * (1 << min(max(tries, 1) - 1, 10)), MAX_DELAY)


class JobRetryPolicy(RetryPolicy):
    """Exit code 75 and signals: up to five more tries, ever later. 65: none. Anything else is a bug: one more.

    The tasks of a job raise `JobInterrupted`, `JobSpecError` or another `JobError` for these; a store that is away
    while a task itself reads or writes counts as 75, and what a person wrote wrongly as 65.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Decide on the exception; ``max_tries`` grows by `RETRIES` each time a run is cleared, so count from there."""
        tries = max(1, try_number - (max_tries - RETRIES))
        if isinstance(exception, _HOPELESS):
            return RetryDecision.fail("another try cannot help")
        if isinstance(exception, _PASSING):
            return RetryDecision.retry(delay_after(tries), f"may pass; {tries} of {RETRIES + 1} tries used")
        if tries > 1:
            return RetryDecision.fail("a bug rather than bad luck: it was tried once more already")
        return RetryDecision.retry(FIRST_DELAY, "unexpected; tried once more")

    def serialize(self) -> dict[str, Any]:
        """The policy has no settings."""
        return {"__type": f"{type(self).__module__}.{type(self).__qualname__}"}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> JobRetryPolicy:
        """The inverse of `serialize`."""
        return cls()
