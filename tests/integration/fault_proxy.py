"""An HTTP server that passes requests on to another, and on the way does to them what networks do."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Do(Enum):
    """What becomes of a request."""

    PASS = "pass"
    BUSY = "busy"
    """Not passed on; 503 SlowDown."""
    BUSY_AFTER = "busy after"
    """Passed on, and answered with 500 all the same."""
    LOST = "lost"
    """Not passed on; the connection breaks."""
    LOST_AFTER = "lost after"
    """Passed on; the connection breaks before the answer."""
    CUT = "cut"
    """The answer's body ends in the middle."""
    SLOW = "slow"
    """The answer's body comes in drops."""


@dataclass(frozen=True)
class Seen:
    """A request: its method, and path with query."""

    method: str
    target: str


Rule = Callable[[Seen, int], Do]
"""Decides by the request and how many of its method came before it."""
_BUSY = b"<Error><Code>%s</Code><Message>injected</Message></Error>"


class FaultProxy:
    """The server.

    Attributes:
        url: to give to clients.
        rule: may be replaced at any time.
        seen: what came.
        dropped: names of headers, in lower case, that are not passed on.
    """

    def __init__(self, backend: str) -> None:
        self.rule: Rule = lambda seen, number: Do.PASS
        self.seen: list[Seen] = []
        self.dropped: set[str] = set()
        self._backend = urlsplit(backend).netloc
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *arguments: object) -> None:
                pass

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def answer(self) -> None:
                proxy.handle(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[FaultProxy]:
        """Serve while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """One request."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        seen = Seen(request.command, request.path)
        with self._lock:
            what = self.rule(seen, sum(before.method == seen.method for before in self.seen))
            self.seen.append(seen)
        if what is Do.LOST:
            request.close_connection = True
            return
        if what is Do.BUSY:
            self._reply(request, 503, _BUSY % b"SlowDown", {"Content-Type": "application/xml"})
            return
        connection = http.client.HTTPConnection(self._backend, timeout=60)
        # The Host header goes on as it came: it is part of the signature.
        headers = {name: value for name, value in request.headers.items() if name.lower() not in self.dropped}
        connection.request(request.command, request.path, body=body or None, headers=headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if what is Do.LOST_AFTER:
            request.close_connection = True
        elif what is Do.BUSY_AFTER:
            self._reply(request, 500, _BUSY % b"InternalError", {"Content-Type": "application/xml"})
        else:
            self._reply(request, response.status, data, dict(response.headers), what)

    @staticmethod
    def _reply(
        request: BaseHTTPRequestHandler, status: int, data: bytes, headers: dict[str, str], what: Do = Do.PASS
    ) -> None:
        length = headers.get("Content-Length", str(len(data))) if request.command == "HEAD" else str(len(data))
        request.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                request.send_header(name, value)
        request.send_header("Content-Length", length)
        request.end_headers()
        if request.command == "HEAD":
            return
        if what is Do.CUT:
            request.wfile.write(data[: len(data) // 2])
            request.close_connection = True
        elif what is Do.SLOW:
            for start in range(0, len(data), 4096):
                request.wfile.write(data[start : start + 4096])
                request.wfile.flush()
                time.sleep(0.002)
        else:
            request.wfile.write(data)
