"""The HTTP server of a gate: takes requests on a Unix socket, passes on what is allowed, and streams the answers."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import urlunsplit
from xml.sax.saxutils import escape

import urllib3
from minio import Minio
from minio.signer import presign_v4
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from galley.errors import GalleyError, StoreUnavailable
from galley.runtimes.access import Access
from galley.runtimes.gate import Denied, S3Request, check
from galley.storage.s3_transport import CONNECT_TIMEOUT

CHUNK = 1 << 16
LONGEST = 600.0
"""Seconds of silence after which a server is taken for gone; the job has its own, shorter patience."""
VALID = 900
"""Seconds that a signed request may be under way."""
_PASSED_ON = ("Content-Type", "Content-MD5", "Content-Length", "If-None-Match", "If-Match", "Range")
_KEPT_BACK = {"connection", "keep-alive", "transfer-encoding", "content-length", "set-cookie"}
_LENGTH = re.compile(r"[0-9]{1,15}", re.ASCII)
MAX_TOLD = 300
"""Characters of a refused path that are written into the log."""
MAX_REFUSED = 64 << 20
"""Bytes of a refused request that are read so that its sender hears why."""


class GateServer(ThreadingMixIn, UnixStreamServer):
    """Serves one job.

    Args:
        path: of the socket, made for every user: who may reach it is who has its directory.
        client: of the store's server, with the credentials.
        grants: what the job may touch; asked for once, at the first request.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, client: Minio, grants: Callable[[], Access]) -> None:
        self._client, self._load = client, grants
        self._grants: Access | None = None
        self._lock = threading.Lock()
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=LONGEST)
        self.upstream = urllib3.PoolManager(retries=False, timeout=timeout, maxsize=32)
        for left in (path, f"{path}.new"):  # a killed gate leaves its own
            Path(left).unlink(missing_ok=True)
        super().__init__(f"{path}.new", _Handler)
        Path(f"{path}.new").chmod(0o666)
        Path(f"{path}.new").rename(path)  # from here on whoever connects is served

    def server_close(self) -> None:
        """Stop listening and leave nothing behind."""
        super().server_close()
        self.upstream.clear()

    def grants(self) -> Access:
        """What the job may touch. Raises `GalleyError` where its specification cannot be read."""
        with self._lock:
            if self._grants is None:
                self._grants = self._load()
            return self._grants

    def signed(self, request: S3Request) -> str:
        """The URL at the store's server, signed."""
        client = self._client
        region, credentials = client._get_region(request.bucket), client._provider.retrieve()
        query = dict(request.query)
        if credentials.session_token:
            query["X-Amz-Security-Token"] = credentials.session_token
        url = client._base_url.build(
            method=request.method,
            region=region,
            bucket_name=request.bucket,
            object_name=request.key or None,
            query_params=query,
        )
        signed = presign_v4(
            method=request.method,
            url=url,
            region=region,
            credentials=credentials,
            date=datetime.now(UTC),
            expires=VALID,
        )
        return str(urlunsplit(signed))


class _Body:
    """A request's body, read as it comes."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    @property
    def done(self) -> bool:
        """Whether nothing of it is left unread, which would be taken for the next request."""
        return self._left == 0


class _Handler(BaseHTTPRequestHandler):
    server: GateServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        """Only what was refused is said."""

    def handle_one_request(self) -> None:
        """One request; a job that goes away in the middle is no error."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def answer(self) -> None:
        """Check it, pass it on, answer."""
        length = self.headers.get("Content-Length", "0")
        if not _LENGTH.fullmatch(length):
            self.close_connection = True  # where its body ends, nobody knows
            self._refuse(400, "InvalidArgument", "the length of the body is no number", _Body(self.rfile, 0))
            return
        body = _Body(self.rfile, int(length))
        try:
            if self.headers.get("Transfer-Encoding") or self.headers.get("x-amz-copy-source"):
                raise Denied("bodies of unknown length and copies are not served")
            request = S3Request.parse(self.command, self.path)
            check(request, self.server.grants())
        except Denied as denied:
            # What a job asks for may be long, and hold anything.
            asked = repr(self.path.partition("?")[0][:MAX_TOLD])
            print(f"refused: {self.command} {asked}: {denied}", file=sys.stderr, flush=True)
            self._refuse(403, "AccessDenied", str(denied), body)
        except StoreUnavailable as error:
            self._refuse(503, "SlowDown", str(error), body)
        except GalleyError as error:
            self._refuse(403, "AccessDenied", str(error), body)
        else:
            self._pass_on(request, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

    def _pass_on(self, request: S3Request, body: _Body) -> None:
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        try:
            response = self.server.upstream.urlopen(
                request.method,
                self.server.signed(request),
                body=body if "Content-Length" in headers else None,
                headers=headers,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (NewConnectionError, ConnectTimeoutError):
            self._refuse(503, "ServiceUnavailable", "the store does not answer the gate", body)
            return
        except GalleyError as error:  # no credentials
            self._refuse(403, "AccessDenied", str(error), body)
            return
        except HTTPError:
            self.close_connection = True  # it may have been done: only silence says so
            return
        try:
            self.close_connection = self.close_connection or not body.done
            self._reply(response)
        except HTTPError:
            self.close_connection = True
        finally:
            response.close()

    def _reply(self, response: urllib3.BaseHTTPResponse) -> None:
        length = response.headers.get("content-length")
        whole = b""
        if length is None and self.command != "HEAD":
            whole = response.read(decode_content=False)
            length = str(len(whole))
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            if name.lower() not in _KEPT_BACK:
                self.send_header(name, value)
        if length is not None and response.status != 204:
            self.send_header("Content-Length", length)
        self.end_headers()
        if whole:
            self.wfile.write(whole)
        elif self.command != "HEAD" and int(length or 0):
            sent = 0
            for chunk in response.stream(CHUNK, decode_content=False):
                self.wfile.write(chunk)
                sent += len(chunk)
            self.close_connection = self.close_connection or sent != int(length or 0)

    def _refuse(self, status: int, code: str, message: str, body: _Body) -> None:
        answer = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>".encode()
        for _ in range(MAX_REFUSED // CHUNK):
            if not body.read(CHUNK):
                break
        else:
            self.close_connection = True
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)
