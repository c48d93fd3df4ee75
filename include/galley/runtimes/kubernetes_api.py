"""The few calls to a Kubernetes API server that jobs need, on decoded JSON; its errors become ours."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from galley.errors import JobInterrupted, JobSpecError

TIMEOUT = (5, 60)
"""Seconds to connect, and to wait for more of an answer."""
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds its own."""


class Taken(Exception):
    """There is a pod of this name already."""


class Pods:
    """The pods of one namespace. All methods raise `JobSpecError` and `JobInterrupted`."""

    def __init__(self, api: Any, namespace: str) -> None:
        self._api, self.namespace = api, namespace

    def get(self, name: str) -> dict[str, Any] | None:
        """A pod, or None."""
        found: dict[str, Any] | None = self._json("read_namespaced_pod", name=name, unless=(404,))
        return found

    def list(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """Those that have all these labels."""
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        found = self._json("list_namespaced_pod", label_selector=selector)
        return list((found or {}).get("items") or ())

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Make a pod; raises `Taken`."""
        from kubernetes.client import ApiException

        try:
            made: dict[str, Any] = self._json("create_namespaced_pod", body=manifest)
        except ApiException as error:
            if error.status == 409 and _said(error).get("reason") == "AlreadyExists":
                raise Taken from None
            raise
        return made

    def end(self, name: str) -> None:
        """Let the kubelet end a pod that stays, with its log, exit codes and the grace of its specification."""
        self._json("patch_namespaced_pod", name=name, body={"spec": {"activeDeadlineSeconds": 1}}, unless=(404,))

    def delete(self, name: str, uid: str) -> None:
        """Remove this very pod; nothing happens where it is gone."""
        body = {"preconditions": {"uid": uid}}
        self._json("delete_namespaced_pod", name=name, body=body, unless=(404, 409))

    def log(self, name: str, container: str, seconds: int | None) -> bytes | None:
        """What a container wrote in the last seconds, stamped; None where nobody can say now."""
        from kubernetes.client import ApiException

        more = {} if seconds is None else {"since_seconds": max(1, seconds)}
        try:
            return self._call("read_namespaced_pod_log", name=name, container=container, timestamps=True, **more)
        except ApiException as error:
            if error.status in (400, 404) or error.status >= 500:  # not begun, gone, or its kubelet is away
                return None
            raise

    def _json(self, method: str, *, unless: tuple[int, ...] = (), **arguments: Any) -> Any:
        """The answer, or None where its status is one of ``unless``."""
        from kubernetes.client import ApiException

        try:
            return json.loads(self._call(method, **arguments))
        except ApiException as error:
            if error.status in unless:
                return None
            raise

    def _call(self, method: str, **arguments: Any) -> bytes:
        call = getattr(self._api, method)
        answer = call(namespace=self.namespace, _preload_content=False, _request_timeout=TIMEOUT, **arguments)
        data: bytes = answer.data
        return data


@contextmanager
def pods(namespace: str) -> Iterator[Pods]:
    """The pods of a namespace (``""``: the one that the configuration names) of the cluster of ``KUBECONFIG``.

    In a pod itself without such a file: of its own cluster, as its service account.
    """
    try:
        from kubernetes import client, config
        from urllib3.exceptions import HTTPError
    except ImportError as error:
        raise JobSpecError(
            f"the kubernetes runtime needs the Python package kubernetes ({error}); run: make setup"
        ) from error
    settings = client.Configuration()
    settings.no_proxy = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")  # which the client forgets
    try:
        configured = _configure(config, settings)
    except (config.ConfigException, OSError) as error:
        raise JobSpecError(
            f"there is no Kubernetes cluster to be found: {error}; set KUBECONFIG, or the runtime to process"
        ) from error
    api = client.ApiClient(settings)
    try:
        yield Pods(client.CoreV1Api(api), namespace or configured)
    except client.ApiException as error:
        raise _translated(error, namespace or configured) from error
    except HTTPError as error:
        raise JobInterrupted(
            f"the Kubernetes API server at {settings.host} does not answer ({error}); try again"
        ) from error
    finally:
        api.rest_client.pool_manager.clear()
        api.close()


def _configure(config: Any, settings: Any) -> str:
    """Fill in the client's settings; the namespace that the configuration names."""
    file = os.environ.get("KUBECONFIG") or None  # the client would go on reading what it was when it was imported
    try:
        config.load_kube_config(config_file=file, client_configuration=settings)
        _, context = config.list_kube_config_contexts(config_file=file)
        return str(context["context"].get("namespace") or "default")
    except config.ConfigException:
        if not _NAMESPACE.exists():
            raise
    config.load_incluster_config(client_configuration=settings)
    return _NAMESPACE.read_text().strip()


def _translated(error: Any, namespace: str) -> JobSpecError | JobInterrupted:
    what = f"the Kubernetes API server says: {_said(error).get('message') or f'{error.status} {error.reason}'}"
    if error.status >= 500 or error.status in (408, 409, 429):
        return JobInterrupted(f"{what}; try again")
    if error.status == 403 and "exceeded quota" in what:
        return JobInterrupted(
            f"{what}; others use up what namespace {namespace} may have: try again, or raise its quota"
        )
    if error.status == 403 and "violates PodSecurity" in what:
        return JobSpecError(f"{what}; take what it names out of the pod template, or out of the namespace's policy")
    if error.status in (401, 403):
        return JobSpecError(
            f"{what}; docker/kubernetes/accounts.yaml has what Galley needs: kubectl apply -k docker/kubernetes"
        )
    if error.status == 404:
        return JobSpecError(f"{what}; make namespace {namespace}, or set GALLEY_KUBERNETES_NAMESPACE to one there is")
    return JobSpecError(what)


def _said(error: Any) -> dict[str, Any]:
    """The ``Status`` in an error's body."""
    try:
        found = json.loads(error.body)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
