"""The few calls to a Kubernetes API server that jobs need, on decoded JSON; its errors become ours."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from galley.errors import JobInterrupted, JobSpecError

TIMEOUT = (5, 60)
"""Seconds to connect, and to wait for more of an answer."""
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds its own."""


@dataclass(frozen=True)
class Access:
    """How a cluster is reached. By default: by ``KUBECONFIG``, and in a pod without such a file as its account.

    Attributes:
        file: a kubeconfig.
        config: a kubeconfig's content, decoded.
        in_cluster: as the service account of the pod that this is.
        context: of the kubeconfig; default: its current one.
        namespace: default: the one that the context or the pod has.
    """

    file: Path | None = None
    config: Mapping[str, Any] | None = field(default=None, repr=False)
    in_cluster: bool = False
    context: str = ""
    namespace: str = ""


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
def pods(namespace: str, access: Access | None = None) -> Iterator[Pods]:
    """The pods of a namespace; ``""``: the one that the way to the cluster names."""
    access = access or Access()
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
        configured = _configure(config, settings, access)
    except (config.ConfigException, OSError) as error:
        raise JobSpecError(
            f"there is no Kubernetes cluster to be found: {error}; set KUBECONFIG or the Airflow connection "
            "galley_kubernetes, or the runtime to process"
        ) from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError) as error:
        # The error itself, or what it comes from, would show a line of the file, and with it a token.
        raise JobSpecError(
            f"the kubeconfig that leads to the Kubernetes cluster is none ({type(error).__name__}); "
            "kubectl config view says what it holds"
        ) from None
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


def _configure(config: Any, settings: Any, access: Access) -> str:
    """Fill in the client's settings; the namespace that the configuration names."""
    # The client would go on reading what KUBECONFIG was when it was imported.
    file = str(access.file) if access.file else os.environ.get("KUBECONFIG") or None
    chosen: dict[str, Any] = {"context": access.context or None, "client_configuration": settings}
    if access.config is not None:
        given = copy.deepcopy(dict(access.config))  # which a login may write into
        config.load_kube_config_from_dict(given, persist_config=False, **chosen)
        return access.namespace or _namespace(given["contexts"], access.context or given["current-context"])
    try:
        if not access.in_cluster:
            config.load_kube_config(config_file=file, **chosen)
            contexts, current = config.list_kube_config_contexts(config_file=file)
            return access.namespace or _namespace(contexts, access.context or current["name"])
    except config.ConfigException:
        if access != Access() or not _NAMESPACE.exists():
            raise
    config.load_incluster_config(client_configuration=settings)
    return access.namespace or _NAMESPACE.read_text().strip()


def _namespace(contexts: list[dict[str, Any]], name: str) -> str:
    context: dict[str, Any] = next((each["context"] for each in contexts if each["name"] == name), {})
    return str(context.get("namespace") or "default")


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
