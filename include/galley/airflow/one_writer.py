"""One writing request at a time in an API server on SQLite, which would otherwise lock itself up.

Airflow 3.3 notes what a user does (``log_action`` in ``api_fastapi/logging/decorators.py``) by a synchronous commit on
the server's event loop. Where another request of the same server, a task's heartbeat say, has written and not committed
yet, that commit waits for SQLite's one write lock; and the other request cannot commit, for to end it needs the very
loop that waits. Nothing is answered then until SQLite's time-out: measured with three clients, minutes in which every
task of the installation stood still, and 500 for what the user had asked for. SQLite has one writer anyway, so that
taking turns costs nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class OneWriter:
    """ASGI middleware: requests that may write take turns; those that only read do not wait.

    Args:
        app: all of the server.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Handle one request; its session is committed and closed when the app returns."""
        if scope["type"] != "http" or scope["method"] in _READING:
            return await self._app(scope, receive, send)
        # First the body, so that a client that stops in the middle of it holds nobody up.
        received = deque([await receive()])
        while received[-1].get("more_body"):
            received.append(await receive())

        async def replay() -> Message:
            return received.popleft() if received else await receive()

        async with self._turn:
            await self._app(scope, replay, send)
