"""A note on every run of ours: its counts, where the grid and the list of runs show them without a log.

Airflow gives tasks no way to write their run's note. So a task leaves the line as an XCom, and a listener copies it
when the run ends, in the process and the transaction that end it: the scheduler's, or the API server's where a person
marks the run. That process must not be held up nor its transaction broken: one query by primary key, no other I/O.
"""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl

NOTE_KEY = "galley_note"
"""XCom key of the line that a run's note is to say; the latest counts."""
MAX_NOTE = 1000
"""Characters that Airflow's column holds."""
_OURS = "**Galley:** "


@hookimpl
def on_dag_run_success(dag_run: Any, msg: str) -> None:
    """Note what the run made."""
    take_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: Any, msg: str) -> None:
    """Note what the run made, or why it made nothing."""
    take_note(dag_run)


def take_note(dag_run: Any) -> None:
    """Put what a task left for the run into the run's note; nothing where it left nothing."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return
    mine = (XComModel.dag_run_id == dag_run.id, XComModel.key == NOTE_KEY)
    left = session.scalars(select(XComModel).where(*mine).order_by(XComModel.timestamp.desc()).limit(1)).one_or_none()
    line = XComModel.deserialize_value(left) if left is not None else None
    if isinstance(line, str):
        dag_run.note = noted(dag_run.note or "", line)


def noted(before: str, line: str) -> str:
    """A note that says ``line``, in place of what we said before, and still says what people wrote."""
    others = [each for each in before.splitlines() if not each.startswith(_OURS)]
    # Two spaces at its end: the next line of Markdown starts on a line of its own.
    return "\n".join([f"{_OURS}{line}  ", *others])[:MAX_NOTE].rstrip()


def quoted(text: str) -> str:
    """Text that others wrote, as Markdown that shows it and does nothing else."""
    return f"`{' '.join(text.replace('`', ' ').split())}`"
