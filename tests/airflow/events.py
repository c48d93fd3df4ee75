"""Asset events as a task finds them in its context."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.execution_time.comms import AssetEventDagRunReferenceResult
from airflow.sdk.execution_time.context import TriggeringAssetEventsAccessor


def triggering(asset: Asset, *extras: dict[str, Any]) -> Any:
    """``triggering_asset_events`` of a run that was woken by events of ``asset`` with these extras."""
    event = {"source_task_id": None, "source_dag_id": None, "source_run_id": None, "source_map_index": None}
    event |= {"asset": {"name": asset.name, "uri": asset.uri, "extra": {}}, "source_aliases": []}
    event |= {"timestamp": datetime(2026, 11, 23, tzinfo=UTC)}
    made = [AssetEventDagRunReferenceResult.model_validate(event | {"extra": extra}) for extra in extras]
    return TriggeringAssetEventsAccessor.build(made)
