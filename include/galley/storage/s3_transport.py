"""One HTTP request to an S3 server, sent once: an answer, `Refused` or `NoAnswer`.

The minio package brings signatures and the parsing of answers. It also repeats requests by itself and has a dozen
errors; given this as its HTTP client, it does neither, and `SettledStore` alone decides what is tried again.
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

CONNECT_TIMEOUT = 5.0
"""Seconds until a server must have taken a connection."""
READ_TIMEOUT = 30.0
"""Seconds of silence after which a server is taken for gone, as a rule."""
SOCKET_TIMEOUT = 60.0
"""Seconds until somebody must listen at a socket: who does is started beside us, perhaps after us, perhaps anew."""
_SIGNED = re.compile(r"(X-Amz-(?:Credential|Security-Token|Signature))=[^&\s\"']+", re.IGNORECASE)


class Refused(Exception):
    """The server answered, and not with yes.

    Attributes:
        status: of HTTP.
        code: of S3, such as ``NoSuchKey``; "" where the answer has none.
        message: the server's own words, shortened.
        region: where the server says the bucket is, or "".
        skew: seconds that our clock is ahead of the server's; 0.0 where it tells no time.
    """

    def __init__(self, status: int, code: str = "", message: str = "", region: str = "", skew: float = 0.0) -> None:
        super().__init__(f"{status} {code}".strip() + (f" ({message})" if message else ""))
        self.status, self.code, self.message, self.region, self.skew = status, code, message, region, skew


class NoAnswer(Exception):
    """The server cannot be reached, or fell silent.

    Attributes:
        sent: whether the request may have arrived.
        silent: whether it took the request and then said nothing for too long.
        untrusted: whether its certificate is the reason, which no second try mends.
    """

    def __init__(self, error: Exception) -> None:
        self.untrusted = isinstance(error, SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError)
        self.silent = isinstance(error, ReadTimeoutError)
        self.sent = not (self.untrusted or isinstance(error, NewConnectionError | ConnectTimeoutError))
        # Not the error's own words: they may hold the signed URL.
        super().__init__("no connection" if not self.sent else f"no whole answer ({type(error).__name__})")


class Transport(urllib3.PoolManager):
    """An HTTP client that repeats nothing, follows nothing, and raises `Refused` and `NoAnswer`.

    ``silence`` is after how many seconds of it a server is taken for gone.
    """

    def __init__(self, silence: float = READ_TIMEOUT) -> None:
        _keep_signatures_out_of_logs()
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=silence)
        super().__init__(retries=False, timeout=timeout, maxsize=32)

    def urlopen(self, method: str, url: str, redirect: bool = True, **options: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        """Send the request; ``redirect`` is there for the signature's sake."""
        try:
            response = super().urlopen(method, url, redirect=False, **options)
            if response.status < 300:
                return response
            body = response.data
        except HTTPError as error:
            raise NoAnswer(error) from None
        found = refused(response.status, response.headers, body)
        if found.status == 404 and not found.code and method != "HEAD":
            # Whatever stands before the store: of an object that is not there S3 says so in words.
            raise Refused(502, "", "a 404 that is not the store's own")
        raise found


class SocketTransport(Transport):
    """The same through a Unix socket, whatever host a URL names."""

    def __init__(self, path: str) -> None:
        super().__init__()

        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connected(path, self)

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        self.pool_classes_by_scheme = {"http": Pool}


def _connected(path: str, connection: HTTPConnection) -> socket.socket:
    deadline = time.monotonic() + SOCKET_TIMEOUT
    while True:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(CONNECT_TIMEOUT)
        try:
            opened.connect(path)
        except OSError as error:
            opened.close()
            coming = isinstance(error, FileNotFoundError | ConnectionRefusedError)
            if not coming or time.monotonic() > deadline:
                raise NewConnectionError(connection, f"{path}: {error.strerror}") from error
            time.sleep(0.05)
        else:
            return opened


def refused(status: int, headers: Any, body: bytes) -> Refused:
    """What an answer says."""
    said = dict[str, str]()
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  (the server's answer, which expat limits in what it expands)
        said = {element.tag.rpartition("}")[2]: element.text or "" for element in root}
    except ElementTree.ParseError:
        pass
    region = headers.get("x-amz-bucket-region") or said.get("Region", "")
    return Refused(status, said.get("Code", "")[:80], said.get("Message", "")[:200], region, _skew(headers.get("date")))


def now() -> datetime:
    """Our clock."""
    return datetime.now(UTC)


def _skew(date: str | None) -> float:
    try:
        return (now() - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError):
        return 0.0


class _Redacting(logging.Filter):
    """Signed URLs are as good as a password while they last, and urllib3 logs URLs when it is asked to log all."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if "X-Amz-" in text:
            record.msg, record.args = _SIGNED.sub(r"\1=***", text), None
        return True


def _keep_signatures_out_of_logs() -> None:
    log = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(known, _Redacting) for known in log.filters):
        log.addFilter(_Redacting())
