"""Objects in a bucket of an S3 server, through the minio package.

What fits into one part is written by one PUT; what is longer by a multipart upload, of which readers see nothing before
it is complete. Every write is a presigned request of our own: minio-py's `put_object` has no conditional write and
sends ``If-None-Match`` as metadata, without a word.

Known limits: a stream of unknown length ends at 10 000 parts (48 GiB); a key that is an object and a folder at once is
refused by some servers and taken by others. A process that forks must open its store afterwards.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn
from xml.etree import ElementTree

import urllib3
from minio import Minio
from minio.credentials import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    IamAwsProvider,
    Provider,
    StaticProvider,
)
from minio.datatypes import ListMultipartUploadsResult
from urllib3.exceptions import HTTPError, ReadTimeoutError

from galley.errors import ObjectNotFound, StoreError, StoreUnavailable, WriteUnknown
from galley.settings import S3Keys
from galley.storage.base import ObjectInfo, check_key, check_prefix
from galley.storage.probe import FOLDER, require_conditional_writes
from galley.storage.s3_errors import explain, skewed
from galley.storage.s3_transport import CONNECT_TIMEOUT, NoAnswer, Refused, SocketTransport, Transport, refused
from galley.storage.s3_url import AWS, S3Location, check_endpoint, on_aws, socket_path
from galley.storage.settled import Retries, SettledStore
from galley.storage.streams import Body, Source

if TYPE_CHECKING:
    from galley.settings import Settings
    from galley.storage.base import Written

PART = 5 << 20
_PIECE = 64 << 10
"""Bytes of a part: the least that S3 takes, and what a write holds in memory."""
MAX_PARTS = 10_000
MAX_SINGLE = 5 << 30
"""Bytes of one PUT at most."""
_VALID = timedelta(minutes=15)
"""How long a presigned request of our own may be under way."""
_COMPLETING = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=600.0)
"""For the end of a multipart upload: some servers put the parts together before they say a word, and Versity S3 Gateway
was seen to lose the object where that was asked for again meanwhile."""
_log = logging.getLogger(__name__)


class MinioStore(SettledStore):
    """The store of an ``s3://bucket/prefix`` URL. Safe for any number of threads and processes.

    An object's version is its ETag and the second of its last write. Before the first `put_if_absent` the server must
    show, once per zone and endpoint, that it keeps racing writers apart; an object below ``.galley/`` remembers that it
    did.

    Args:
        url: of the zone.
        client: for the bucket's server; its HTTP client is a `Transport`.
        endpoint: URL of the server, for messages.
        probe: whether the server is tried before it is relied on.
    """

    def __init__(
        self, url: str, client: Minio, endpoint: str, *, retries: Retries | None = None, probe: bool = True
    ) -> None:
        location = S3Location.parse(url)
        super().__init__(location.url, retries or Retries())
        self._bucket, self._prefix = location.bucket, location.prefix
        self._client, self._endpoint = client, endpoint
        self._http = client._http
        self._lock = threading.Lock()
        self._relied_on = not probe
        self._bucket_is_there = False
        self._warned: set[str] = set()

    @classmethod
    def from_settings(cls, url: str, settings: Settings) -> MinioStore:
        """The store on the installation's server."""
        endpoint = settings.s3_endpoint_url.rstrip("/") or AWS
        return cls(url, connect(settings), endpoint)

    # ── one try each ─────────────────────────────────────────────────────────────────────────────────────────────────

    def write_once(self, key: str, source: Source, *, if_absent: bool) -> None:
        """One PUT, or a multipart upload."""
        if if_absent:
            data = b"".join(source)
            if len(data) > MAX_SINGLE:
                raise StoreError(f"writing {self.url}/{key}: {len(data)} bytes; a write-once object has at most 5 GiB")
            self._put(key, data, {"If-None-Match": "*"})
            return
        size = _part_size(self._uri(key), source.length)
        parts = _parts(source, size)
        first, last = next(parts)
        if last:
            self._put(key, first, {})
        else:
            self._multipart(key, chain([first], (part for part, _ in parts)), size)

    @contextmanager
    def open_once(self, key: str) -> Iterator[Body]:
        """A GET whose body is read as it is asked for."""
        with self._errors("reading", key):
            response = self._client.get_object(self._bucket, self._prefix + key)
        try:
            yield Body(_Reading(response, f"reading {self._uri(key)}"), int(response.headers.get("content-length", 0)))
        finally:
            response.close()  # a body that was read to its end has given its connection back already

    def head_once(self, key: str) -> ObjectInfo | None:
        """A HEAD, whose 404 says not whether the bucket or the object is missing."""
        try:
            with self._errors("looking up", key):
                found = self._client.stat_object(self._bucket, self._prefix + key)
        except ObjectNotFound:
            self._require_bucket()
            return None
        return self._info(key, found)

    def list_once(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """ListObjectsV2; what has no key of ours (folders' markers, names with spaces) is left out with a warning."""
        if not after.startswith(prefix):
            if after > prefix:
                return  # every key with the prefix comes before the cursor
            after = ""  # … or after it; servers disagree about cursors outside the prefix
        with self._errors("listing", prefix):
            for found in self._client.list_objects(
                self._bucket,
                prefix=self._prefix + prefix,
                recursive=True,
                start_after=self._prefix + after if after else None,
                use_url_encoding_type=True,
            ):
                key = found.object_name.removeprefix(self._prefix)
                if self._is_key(key):
                    yield self._info(key, found)

    def delete_once(self, key: str) -> None:
        """A DELETE; in a bucket with versions the older ones stay."""
        with suppress(ObjectNotFound), self._errors("deleting", key, writing=True):
            self._client.remove_object(self._bucket, self._prefix + key)

    def put_if_absent(self, key: str, data: bytes) -> Written:
        """As `ObjectStore.put_if_absent`; `StoreError` where the server cannot do it."""
        check_key(key)
        self._rely_on_conditions()
        return super().put_if_absent(key, data)

    # ── what S3 has besides ──────────────────────────────────────────────────────────────────────────────────────────

    def presigned_url(self, key: str, *, expires: timedelta = timedelta(hours=1)) -> str:
        """A URL with which anybody may GET this one object for up to seven days. Treat it as a password."""
        return self._signed("GET", check_key(key), {}, expires)

    def wait_for_write(self, prefix: str, seconds: float) -> bool:
        """As `TellsOfWrites.wait_for_write`, by MinIO's bucket notifications; others answer with a listing, or with no.

        It may take twice as long where the server falls silent. MinIO's last commit does as a rule: what it has to tell
        it sends by the 4 KiB, about five writes, for it forgot to flush. Its releases until October 2025 tell of each.
        """
        check_prefix(prefix)
        end = time.monotonic() + seconds
        query = {"prefix": self._prefix + prefix, "suffix": "", "events": "s3:ObjectCreated:*"}
        with Transport(seconds) as http, self._errors("waiting for writes below", prefix):
            client = copy.copy(self._client)
            client._http = http
            try:
                response = client._execute("GET", self._bucket, query_params=query, preload_content=False)
            except NoAnswer as error:
                if error.silent:
                    return False
                raise
            with closing(response):
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    raise StoreError(
                        f"{self._endpoint} does not tell of writes; it is looked at every so often instead"
                    )
                with suppress(ReadTimeoutError):
                    while time.monotonic() < end:
                        said = response.read1()
                        if not said:
                            raise StoreUnavailable(f"waiting for writes below {self._uri(prefix)}: it broke off")
                        if said.strip():  # spaces keep the connection up
                            return True
                return False

    def sweep(self, older_than: float = 86_400.0) -> int:
        """Abort multipart uploads begun so long ago. MinIO lists none below a prefix, and removes old ones itself."""
        before = datetime.now(UTC) - timedelta(seconds=older_than)
        swept, key_marker, id_marker = 0, None, None
        while True:
            with self._errors("listing uploads of", ""):
                page: ListMultipartUploadsResult = self._client._list_multipart_uploads(
                    self._bucket, prefix=self._prefix, key_marker=key_marker, upload_id_marker=id_marker
                )
            for upload in page.uploads:
                if upload.initiated_time < before and upload.object_name.startswith(self._prefix):
                    self._abort(upload.object_name.removeprefix(self._prefix), upload.upload_id)
                    swept += 1
            if not page.is_truncated or not page.next_key_marker:
                return swept
            key_marker, id_marker = page.next_key_marker, page.next_upload_id_marker

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, key: str, data: bytes | bytearray | memoryview, headers: dict[str, str]) -> None:
        with self._errors("writing", key, writing=True):
            _tag(self._send("PUT", key, {}, data, headers))

    def _multipart(self, key: str, parts: Iterator[memoryview], size: int) -> None:
        """Until the last request readers see nothing, so only that one can leave it open whether it was done."""
        upload = self._retry(lambda: self._begin(key))
        try:
            tags: list[str] = []
            for part in parts:
                if len(tags) == MAX_PARTS:
                    raise StoreError(f"writing {self._uri(key)}: longer than {MAX_PARTS} parts of {size} bytes")
                tags.append(self._upload(key, upload, len(tags) + 1, part))
            self._complete(key, upload, tags)
        except WriteUnknown:
            raise  # it may be completing this very moment: nothing is taken away from under it
        except BaseException:
            with suppress(StoreError):
                self._abort(key, upload)
            raise

    def _begin(self, key: str) -> str:
        with self._errors("writing", key):
            return _text(self._send("POST", key, {"uploads": ""}, b"", {}), "UploadId")

    def _upload(self, key: str, upload: str, number: int, part: memoryview) -> str:
        """Send a part, again where that failed: it is here still, and its number says where it goes."""

        def once() -> str:
            with self._errors("writing", key):
                return _tag(self._send("PUT", key, {"partNumber": str(number), "uploadId": upload}, part, {}))

        return self._retry(once)

    def _complete(self, key: str, upload: str, tags: list[str]) -> None:
        """Make an object of the parts; asked for again even where the answer was lost: they stay until it is done."""
        root = ElementTree.Element("CompleteMultipartUpload")
        for number, tag in enumerate(tags, 1):
            part = ElementTree.SubElement(root, "Part")
            ElementTree.SubElement(part, "PartNumber").text = str(number)
            ElementTree.SubElement(part, "ETag").text = tag
        body, doubt = ElementTree.tostring(root), False

        def once() -> None:
            nonlocal doubt
            try:
                with self._errors("writing", key, writing=True):
                    ended = self._send("POST", key, {"uploadId": upload}, body, {})
                    # S3 answers 200 first and finds out afterwards; a proxy may answer anything.
                    if b"CompleteMultipartUploadResult" not in ended.data:
                        raise refused(500, ended.headers, ended.data)
            except WriteUnknown as error:
                doubt = True
                raise StoreUnavailable(str(error)) from error
            except _NoUpload as error:
                if doubt:
                    raise WriteUnknown(str(error)) from error  # so it was done, or swept
                raise

        self._settled(key, once, lambda: doubt, lambda error: isinstance(error, StoreUnavailable))

    def _abort(self, key: str, upload: str) -> None:
        with suppress(ObjectNotFound, StoreUnavailable), self._errors("aborting an upload of", key):
            self._send("DELETE", key, {"uploadId": upload}, None, {})

    def _send(
        self,
        method: str,
        key: str,
        query: dict[str, str],
        data: bytes | bytearray | memoryview | None,
        headers: dict[str, str],
    ) -> urllib3.BaseHTTPResponse:
        if data is not None:
            md5 = hashlib.md5(data, usedforsecurity=False).digest()  # the server's check of what arrived
            headers = {
                **headers,
                "Content-Length": str(len(data)),
                "Content-MD5": base64.b64encode(md5).decode(),
                "Content-Type": "application/octet-stream",
            }
        # Piece by piece: a socket's time-out is for all of what is sent at once, and a part may be long under way.
        body = None if data is None else _pieces(memoryview(data))
        longer = {"timeout": _COMPLETING} if method == "POST" and "uploadId" in query else {}
        url = self._signed(method, key, query, _VALID)
        return self._http.urlopen(method, url, body=body, headers=headers, **longer)  # type: ignore[no-any-return]

    def _signed(self, method: str, key: str, query: dict[str, str], expires: timedelta) -> str:
        with self._errors("signing a request for", key):
            return str(
                self._client.get_presigned_url(
                    method, self._bucket, self._prefix + key, expires=expires, extra_query_params=query
                )
            )

    # ── trust ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rely_on_conditions(self) -> None:
        with self._lock:
            if self._relied_on:
                return
            name = hashlib.sha256(self._endpoint.encode()).hexdigest()[:16]
            marker = f"{FOLDER}/conditional-writes-{name}"
            try:
                tried = self._retry(lambda: self.head_once(marker)) is not None
            except _NotAllowed:
                tried = False  # who may not list is told so of what is not there, too
            try:
                if not tried:
                    self._retry(lambda: require_conditional_writes(self))
                    self._write(marker, Source(b"tried\n"), if_absent=False)
            except _NotAllowed as error:
                # Credentials of a job, for single objects: whoever may write the zone has been here before.
                _log.debug("%s; not tried", error)
            self._relied_on = True

    def _require_bucket(self) -> None:
        if self._bucket_is_there:
            return
        # A listing, for unlike a HEAD's its refusal says why.
        with suppress(_NotAllowed), self._errors("looking for the bucket of", ""):
            for _ in self._client.list_objects(self._bucket, prefix=f"{self._prefix}{FOLDER}/"):
                break
        self._bucket_is_there = True

    # ── names, listings, errors ──────────────────────────────────────────────────────────────────────────────────────

    def _uri(self, key: str) -> str:
        return f"{self.url}/{key}"

    def _is_key(self, key: str) -> bool:
        if key.startswith(f"{FOLDER}/"):
            return False
        try:
            check_key(key)
        except StoreError as error:
            if key not in self._warned:
                self._warned.add(key)
                _log.warning("%s is left out: %s; rename it", self._uri(key)[:600], error)
            return False
        return True

    @staticmethod
    def _info(key: str, found: Any) -> ObjectInfo:
        # To the second, which is what a HEAD tells; a listing tells more.
        tag, modified = found.etag.strip('"'), found.last_modified.replace(microsecond=0)
        return ObjectInfo(key, found.size, f"{tag}@{modified.timestamp():.0f}", modified)

    @contextmanager
    def _errors(self, doing: str, key: str, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except (Refused, NoAnswer) as error:
            self._raise(error, doing, key, writing=writing)
        except (HTTPError, ElementTree.ParseError) as error:  # while the answer was read
            self._raise(NoAnswer(error), doing, key, writing=writing)

    def _raise(self, error: Refused | NoAnswer, doing: str, key: str, *, writing: bool = False) -> NoReturn:
        found = explain(error, f"{doing} {self._uri(key)}", self._bucket, self._endpoint, writing=writing)
        if (
            isinstance(error, Refused)
            and error.status == 403
            and error.code in ("", "AccessDenied")
            and not skewed(error)
        ):
            raise _NotAllowed(str(found)) from None
        if isinstance(error, Refused) and error.code == "NoSuchUpload":
            raise _NoUpload(str(found)) from None
        raise found from None


class _NotAllowed(StoreError):
    """The server knows us, as far as it says, and will not do it."""


class _NoUpload(StoreUnavailable):
    """The multipart upload is not there: ended, swept, or forgotten by the server."""


class _Reading:
    """A body whose troubles are `StoreUnavailable`."""

    def __init__(self, response: urllib3.BaseHTTPResponse, doing: str) -> None:
        self._response, self._doing = response, doing

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes as the server holds them, whatever encoding they claim to have."""
        try:
            return self._response.read(None if size < 0 else size, decode_content=False)
        except HTTPError as error:
            raise StoreUnavailable(f"{self._doing}: it broke off ({type(error).__name__})") from None


class _Credentials(Provider):  # type: ignore[misc]
    """The environment's, then those of ``~/.aws/credentials``, then a web identity or the machine's own role."""

    def __init__(self, endpoint: str) -> None:
        # Where no role is, 169.254.169.254 is silent: two seconds, once.
        once = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2.0, read=10.0))
        role = IamAwsProvider(http_client=once)
        if role._identity_file and endpoint and not on_aws(endpoint):  # such a server gives out temporary keys itself
            role = IamAwsProvider(http_client=once, custom_endpoint=endpoint)
        self._chain = ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), role])
        self._lock = threading.Lock()
        self._had = False

    def retrieve(self) -> Any:
        """The keys; `StoreError` where there are none. The chain's own words may quote an answer with keys in it."""
        with self._lock:
            try:
                found = self._chain.retrieve()
                self._had = True
                return found
            except Exception as error:
                if self._had:  # there were some a while ago: who gives them out is away
                    raise StoreUnavailable(f"no new credentials for the S3 server ({type(error).__name__})") from None
                raise StoreError(
                    f"no credentials for the S3 server ({type(error).__name__}): set AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws/credentials, or run where a role is given"
                ) from None


def connect(settings: Settings, credentials: Provider | None = None) -> Minio:
    """A client for the installation's S3 server. Asks it nothing. Raises `StoreError` where a setting is wrong."""
    path = socket_path(settings.s3_endpoint_url)
    host, secure = ("localhost", False) if path else check_endpoint(settings.s3_endpoint_url or AWS)
    try:
        client = Minio(
            host,
            secure=secure,
            region=settings.s3_region,
            credentials=credentials or _static(settings.s3_keys) or _Credentials(settings.s3_endpoint_url),
            http_client=SocketTransport(path) if path else Transport(),
        )
    except ValueError as error:
        raise StoreError(f"GALLEY_S3_ENDPOINT_URL {host!r}, GALLEY_S3_REGION {settings.s3_region!r}: {error}") from None
    if settings.s3_addressing == "virtual":
        client.enable_virtual_style_endpoint()
    elif settings.s3_addressing == "path":
        client.disable_virtual_style_endpoint()
    return client


def credentials(settings: Settings) -> tuple[dict[str, str], float | None]:
    """The keys that this process uses, as the environment of another, and the seconds that they last.

    The latter is None where they last for ever, or nobody says how long. Raises `StoreError` where there are none.
    """
    found = connect(settings)._provider.retrieve()
    keys = S3Keys(access_key=found.access_key, secret_key=found.secret_key, session_token=found.session_token or "")
    until = found.expiration and found.expiration.replace(tzinfo=UTC)
    return keys.environment(), until and (until - datetime.now(UTC)).total_seconds()


def _static(keys: S3Keys | None) -> Provider | None:
    if keys is None:
        return None
    token = keys.session_token.get_secret_value() or None
    return StaticProvider(keys.access_key, keys.secret_key.get_secret_value(), token)


def _part_size(uri: str, length: int | None) -> int:
    """Bytes of each part but the last."""
    size = max(PART, -(-(length or 0) // MAX_PARTS))
    if size > MAX_SINGLE:
        raise StoreError(f"writing {uri}: {length} bytes are more than S3 takes in {MAX_PARTS} parts")
    return size


def _pieces(data: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


def _parts(chunks: Iterable[bytes], size: int) -> Iterator[tuple[memoryview, bool]]:
    """The bytes in parts of ``size``, and of each whether it is the last, which may be shorter, and empty if all is.

    Each part lies in the same memory as the one before.
    """
    part, filled = bytearray(size), 0
    for chunk in chunks:
        rest = memoryview(chunk)
        while rest:
            if filled == size:
                yield memoryview(part), False
                filled = 0
            taken = rest[: size - filled]
            part[filled : filled + len(taken)] = taken
            filled, rest = filled + len(taken), rest[len(taken) :]
    yield memoryview(part)[:filled], True


def _tag(response: urllib3.BaseHTTPResponse) -> str:
    """The ETag of what was written; what stands before the store may say yes to anything, but has none."""
    if not (tag := response.headers.get("etag")):
        raise refused(502, response.headers, response.data)
    return str(tag)


def _text(response: urllib3.BaseHTTPResponse, name: str) -> str:
    """The text of an element of an XML answer."""
    for element in ElementTree.fromstring(response.data).iter():  # noqa: S314  (the server's answer)
        if element.tag.rpartition("}")[2] == name and element.text:
            return element.text
    raise refused(500, response.headers, response.data)
