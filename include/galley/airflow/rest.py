"""A small client of Airflow's REST API, logged in as the user of a standing installation."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from galley.airflow.environment import LOCK_SECONDS
from galley.errors import GalleyError

PATIENCE = LOCK_SECONDS + 30.0
"""Seconds that one answer may take: longer than the server waits for its database, so that we hear what came of it."""


class ApiError(GalleyError):
    """Airflow's API refused a request, or did not answer.

    Attributes:
        status: of HTTP; 0 where there was no answer.
        detail: what the API says about it.
    """

    def __init__(self, what: str, status: int, detail: object) -> None:
        self.status, self.detail = status, detail
        super().__init__(f"{what}: {status or 'no answer'}: {detail}")


class AirflowApi:
    """Requests to ``/api/v2`` with a token of the user; a context manager.

    Args:
        url: of the API server, as ``http://127.0.0.1:8080``.
        user: who logs in, at the first request that needs it.
        password: of the user.
        timeout: seconds that one answer may take.
    """

    def __init__(self, url: str, user: str, password: str, *, timeout: float = PATIENCE) -> None:
        self.url, self._user, self._password = url, user, password
        self._token = ""
        # No proxy of the environment stands between this machine and itself.
        self._client = httpx.Client(base_url=url, timeout=timeout, trust_env=False)

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def health(self) -> dict[str, Any]:
        """What Airflow says of its components (``/monitor/health``), which needs no log-in."""
        return self._send("GET", "/api/v2/monitor/health")

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET below ``/api/v2``."""
        return self._call("GET", path, params=query)

    def post(self, path: str, body: object) -> dict[str, Any]:
        """POST below ``/api/v2``."""
        return self._call("POST", path, json=body)

    def patch(self, path: str, body: object) -> dict[str, Any]:
        """PATCH below ``/api/v2``."""
        return self._call("PATCH", path, json=body)

    def token(self) -> str:
        """A token of the user, as the ``Authorization`` header wants it after ``Bearer``."""
        if not self._token:
            body = {"username": self._user, "password": self._password}
            self._token = str(self._send("POST", "/auth/token", json=body)["access_token"])
        return self._token

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token()}"}
        return self._send(method, f"/api/v2{quote(path, safe='/~:+-.')}", headers=headers, **arguments)

    def _send(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        what = f"{method} {self.url}{path}"
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise ApiError(what, 0, error) from error
        if answer.is_error:
            try:
                detail = answer.json().get("detail", answer.text)
            except ValueError:
                detail = answer.text
            raise ApiError(what, answer.status_code, detail)
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found
