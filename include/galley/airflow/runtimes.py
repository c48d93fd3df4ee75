"""The runtime of a task: `galley.runtimes.open_runtime`, with what Airflow knows of its Kubernetes cluster.

The connection ``galley_kubernetes`` (type ``kubernetes``, its fields those of the cncf-kubernetes provider, which
Galley does not need) leads to the cluster: ``kube_config_path``, ``kube_config`` as JSON, or ``in_cluster``, and
``cluster_context`` and ``namespace``. Without it, `galley.runtimes.kubernetes_api.Access` says what does. Each pod goes
through Airflow's ``pod_mutation_hook``, of ``airflow_local_settings.py`` or a policy plugin, where there is one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galley import runtimes
from galley.airflow.connections import find_connection
from galley.errors import JobInterrupted, JobSpecError
from galley.runtimes import Runtime
from galley.settings import Settings

if TYPE_CHECKING:
    from galley.runtimes.kubernetes_api import Access

CONNECTION = "galley_kubernetes"
_WAYS = ("kube_config_path", "kube_config", "in_cluster")
_KNOWN = (*_WAYS, "cluster_context", "namespace")
_PREFIX = "extra__kubernetes__"
"""Of the fields' names in connections that older providers made."""


def open_runtime(name: str, settings: Settings) -> Runtime:
    """The runtime of a name (``""``: the installation's default). Asks Airflow, so nothing for the triggerer's loop.

    Raises:
        JobSpecError: there is none of this name, or the connection asks for what Galley does not do.
        JobInterrupted: Airflow does not say whether there is a connection.
    """
    chosen = name or settings.runtime
    if chosen != "kubernetes":
        return runtimes.open_runtime(chosen, settings)
    from galley.runtimes.kubernetes import KubernetesRuntime

    return KubernetesRuntime(settings, _access(), _adapted)


def _access() -> Access | None:
    """What the connection says; None where there is none. No complaint shows what stands in it."""
    from galley.runtimes.kubernetes_api import Access

    connection = find_connection(CONNECTION, JobInterrupted)
    if connection is None:
        return None
    if connection.conn_type != "kubernetes":
        raise JobSpecError(
            f"connection {CONNECTION!r} is of type {connection.conn_type!r}; make it one of type 'kubernetes'"
        )
    extra = {name.removeprefix(_PREFIX): value for name, value in _object(connection.extra or "{}", "extra").items()}
    given = {name: value for name, value in extra.items() if value and str(value).lower() != "false"}
    if unknown := sorted(set(given) - set(_KNOWN)):
        raise JobSpecError(f"connection {CONNECTION!r}: extra has {', '.join(unknown)}; known are {', '.join(_KNOWN)}")
    ways = [name for name in _WAYS if name in given]
    if len(ways) > 1:
        raise JobSpecError(f"connection {CONNECTION!r}: extra has {' and '.join(ways)}; leave all but one empty")
    path, content = given.get("kube_config_path"), given.get("kube_config")
    return Access(
        file=Path(str(path)).expanduser() if path else None,
        config=_object(content, "kube_config") if content else None,
        in_cluster="in_cluster" in given,
        context=str(given.get("cluster_context", "")),
        namespace=str(given.get("namespace", "")),
    )


def _object(content: Any, what: str) -> dict[str, Any]:
    try:
        found = json.loads(content) if isinstance(content, str) else content
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise JobSpecError(f"connection {CONNECTION!r}: its {what} is no JSON object")
    return found


def _adapted(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod as Airflow's ``pod_mutation_hook`` leaves it."""
    from airflow.settings import get_policy_plugin_manager, pod_mutation_hook

    if not get_policy_plugin_manager().hook.pod_mutation_hook.get_hookimpls():
        return manifest
    from kubernetes.client import ApiClient

    with ApiClient() as client:
        try:
            pod = client.deserialize(_Answer(json.dumps(manifest)), "V1Pod")
            pod_mutation_hook(pod)
        except Exception as error:
            raise JobSpecError(
                f"Airflow's pod_mutation_hook failed on a job's pod: {type(error).__name__}: {error}"
            ) from error
        changed: dict[str, Any] = client.sanitize_for_serialization(pod)
    return changed


class _Answer:
    """What the client takes for an answer of the API server's."""

    def __init__(self, data: str) -> None:
        self.data = data
