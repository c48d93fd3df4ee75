"""A small S3 server in this process, for tests where no real one is: objects in memory, no signatures checked.

What Galley's store asks of a server and no more. Whether real servers do as this one does, tests/integration asks them.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

BUCKET = "galley"


class FakeS3:
    """One bucket behind ``url``; ``objects`` are its bytes and their time, ``uploads`` the unfinished ones' parts.

    ``tells``: whether it has MinIO's bucket notifications; if not, whoever asks for them gets a listing.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str, datetime]] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.tells = False
        self._writes: list[str] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Condition()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *arguments: object) -> None:
                pass

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # the client went away
                    self.close_connection = True

            def answer(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if fake.tells and "events=" in self.path:
                    self.close_connection = True
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.end_headers()
                    for said in fake.notifications(self.path):
                        self.wfile.write(said)
                    return
                status, body, headers = fake.answer(self.command, self.path, self.headers, data)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[FakeS3]:
        """Serve while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer(self, method: str, target: str, headers: object, data: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers."""
        parts = urlsplit(target)
        _, bucket, key = [unquote(part) for part in (parts.path + "/").split("/", 2)]
        key = key.removesuffix("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if bucket != BUCKET:
            return _error(404, "NoSuchBucket")
        given: dict[str, str] = {name.lower(): value for name, value in headers.items()}  # type: ignore[attr-defined]
        if "content-md5" in given and base64.b64decode(given["content-md5"]) != _md5(data).digest():
            return _error(400, "BadDigest")
        with self._lock:
            if not key:
                return self._list(query) if method == "GET" else (200, b"", {})
            if "uploads" in query or "uploadId" in query:
                return self._upload(method, key, query, data)
            return self._object(method, key, given, data)

    def notifications(self, target: str) -> Iterator[bytes]:
        """What a listener hears, from now on and without end: a space where nothing is written, as of MinIO."""
        prefix = dict(parse_qsl(urlsplit(target).query)).get("prefix", "")
        with self._lock:
            told = len(self._writes)
        while True:
            with self._lock:
                self._lock.wait(0.02)
                new, told = self._writes[told:], len(self._writes)
            yield b" "
            yield from (b'{"Records":[{}]}\n' for key in new if key.startswith(prefix))

    def _written(self, key: str, data: bytes, tag: str) -> None:
        self.objects[key] = (data, tag, datetime.now(UTC))
        self._writes.append(key)
        self._lock.notify_all()

    def _object(self, method: str, key: str, given: dict[str, str], data: bytes) -> tuple[int, bytes, dict[str, str]]:
        if method == "PUT":
            if given.get("if-none-match") == "*" and key in self.objects:
                return _error(412, "PreconditionFailed")
            self._written(key, data, _md5(data).hexdigest())
            return 200, b"", {"ETag": f'"{self.objects[key][1]}"'}
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, b"", {}
        if key not in self.objects:
            return _error(404, "NoSuchKey")
        found, tag, modified = self.objects[key]
        told = {"ETag": f'"{tag}"', "Last-Modified": format_datetime(modified, usegmt=True)}
        return 200, found, told | {"Content-Length": str(len(found))}

    def _upload(self, method: str, key: str, query: dict[str, str], data: bytes) -> tuple[int, bytes, dict[str, str]]:
        if "uploads" in query:
            upload = f"u{next(self._numbers)}"
            self.uploads[upload] = (key, {})
            return _xml(f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>")
        upload = query["uploadId"]
        if upload not in self.uploads:
            return _error(404, "NoSuchUpload")
        parts = self.uploads[upload][1]
        if method == "PUT":
            parts[int(query["partNumber"])] = data
            return 200, b"", {"ETag": f'"{_md5(data).hexdigest()}"'}
        del self.uploads[upload]
        if method == "POST":
            numbers = [int(part.findtext("PartNumber") or 0) for part in ElementTree.fromstring(data)]
            whole = b"".join(parts[number] for number in numbers)
            self._written(key, whole, f"{_md5(whole).hexdigest()}-{len(numbers)}")
            return _xml("<CompleteMultipartUploadResult/>")
        return 204, b"", {}

    def _list(self, query: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
        prefix = query.get("prefix", "")
        if "uploads" in query:
            now = _stamp(datetime.now(UTC))
            lines = "".join(
                f"<Upload><Key>{escape(key)}</Key><UploadId>{upload}</UploadId><Initiated>{now}</Initiated></Upload>"
                for upload, (key, _) in self.uploads.items()
                if key.startswith(prefix)
            )
            return _xml(f"<ListMultipartUploadsResult><Bucket>{BUCKET}</Bucket>{lines}</ListMultipartUploadsResult>")
        after = max(query.get("start-after", ""), query.get("continuation-token", ""))
        found = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        page = found[: int(query.get("max-keys", "1000"))]
        lines = "".join(_contents(key, *self.objects[key]) for key in page)
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if page else ""
        cut = str(len(page) < len(found)).lower()
        return _xml(
            f"<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>{cut}</IsTruncated>{more}{lines}</ListBucketResult>"
        )


def _contents(key: str, data: bytes, tag: str, modified: datetime) -> str:
    facts = f'<Size>{len(data)}</Size><ETag>"{tag}"</ETag><LastModified>{_stamp(modified)}</LastModified>'
    return f"<Contents><Key>{escape(key)}</Key>{facts}</Contents>"


def _stamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _md5(data: bytes) -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)


def _xml(text: str) -> tuple[int, bytes, dict[str, str]]:
    return 200, text.encode(), {"Content-Type": "application/xml"}


def _error(status: int, code: str) -> tuple[int, bytes, dict[str, str]]:
    text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return status, text.encode(), {"Content-Type": "application/xml"}
