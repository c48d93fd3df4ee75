"""Who may see what: Airflow's own log-in and permissions, asked for by the pages of `galley.ui.app`.

The only module of the UI that knows Airflow.
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.models.dag import DagModel

__all__ = ["get_user", "may_read"]


def may_read(user: Any, dag_id: str) -> bool:
    """Whether a user may read the runs of a DAG in Airflow, and so what they made.

    Args:
        user: what `get_user` gave, which answers the anonymous with 401.
        dag_id: of Airflow; the DAG may be gone.
    """
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    allowed: bool = get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.RUN, details=details, user=user
    )
    return allowed
