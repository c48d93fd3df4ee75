"""Asks Airflow for a connection, and tells one that is not there from an answer that did not come.

Airflow's own look-up takes a fault of its API server for "no such connection" and goes on to the next backend. What
would be used in its place, another cluster or other keys, is then wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from galley.errors import GalleyError

if TYPE_CHECKING:
    from airflow.sdk import Connection


def find_connection(name: str, passing: type[GalleyError]) -> Connection | None:
    """The connection; None where Airflow says for certain that there is none.

    Args:
        name: its id.
        passing: raised where Airflow's API server does not answer, a fault that may pass.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        if why := _doubt(name):
            raise passing(f"Airflow does not say whether there is a connection {name!r}: {why}") from None
        return None


def _doubt(name: str) -> str:
    """What Airflow's API server says instead of that it has none; empty where it does, or where none is asked."""
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, GetConnection

    if (server := getattr(task_runner, "SUPERVISOR_COMMS", None)) is None:
        return ""  # no task or trigger: connections are in the environment
    try:
        answer = server.send(GetConnection(conn_id=name))
    except AirflowRuntimeError as error:
        answer = error.error
    except Exception as error:
        return type(error).__name__
    if not isinstance(answer, ErrorResponse):
        return "it was away a moment ago"
    return "" if answer.error == ErrorType.CONNECTION_NOT_FOUND else str(answer.error.value)
