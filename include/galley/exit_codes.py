"""Exit codes of the worker, the one thing a runtime reads from a process: what they mean and which error gives which.

0    every request has a result, failed ones included
65   the job is wrong as it stands; another try cannot help
75   try again: store away, out of memory, terminated
ended by a signal (negative, 137, 143), or nobody knows how: try again, as 75
anything else: a bug; tried once more, then failed
"""

from __future__ import annotations

import errno
from typing import Literal

from galley.errors import (
    InputError,
    IntegrityError,
    JobError,
    JobInterrupted,
    JobSpecError,
    ModelError,
    ObjectExists,
    StoreError,
    StoreUnavailable,
    WriteUnknown,
)

OK, BUG, SPEC, AGAIN = 0, 1, 65, 75
Meaning = Literal["ok", "spec", "again", "bug"]
_PASSING_ERRNO = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE}
)


def code_of(error: BaseException) -> int:
    """The exit code for an error that ended a job."""
    if isinstance(error, JobInterrupted | StoreUnavailable | WriteUnknown | IntegrityError | MemoryError):
        return AGAIN
    if isinstance(error, OSError) and error.errno in _PASSING_ERRNO:
        return AGAIN
    if isinstance(error, ObjectExists):
        return BUG
    if isinstance(error, JobSpecError | ModelError | InputError | StoreError):
        return SPEC
    return BUG


def meaning(code: int | None) -> Meaning:
    """What an exit code says; None: the process is gone and left none, as after a signal."""
    if code == OK:
        return "ok"
    if code == SPEC:
        return "spec"
    if code is None or code == AGAIN or code < 0 or code > 128:
        return "again"
    return "bug"


def raise_for(code: int | None, job: str, log_tail: str = "") -> None:
    """Return where the job is done, else raise.

    Raises `JobSpecError` for 65, `JobInterrupted` for what may pass, `JobError` for anything else; each with the last
    log lines.
    """
    tail = f"; last log lines:\n{log_tail}" if log_tail else ""
    match meaning(code):
        case "ok":
            return
        case "spec":
            raise JobSpecError(f'job "{job}" is wrong as it stands (exit code {code}){tail}')
        case "again":
            how = "ended without an exit code" if code is None else f"ended with {code}"
            raise JobInterrupted(f'job "{job}" {how} and may be tried again{tail}')
        case "bug":
            raise JobError(f'job "{job}" ended with the unexpected exit code {code}{tail}')
