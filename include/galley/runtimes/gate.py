"""The only way from a sealed job to an S3 store: ``python -m galley.runtimes.gate --job URI --socket PATH``.

A gate runs beside its job, as another user. It holds the store's credentials, which the job never sees, and listens on
a Unix socket in a directory that the two share, so that the job needs no network at all. It takes the S3 requests that
our own store makes, lets through those that the job's specification grants (`galley.runtimes.access`), signed anew,
and answers all others with 403. It ends when it is killed, which whoever started it ties to the job's end.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from galley.errors import StoreError
from galley.runtimes.access import Access, access
from galley.settings import Settings
from galley.storage import Zones, check_key, check_prefix

_LISTING = {
    "list-type", "prefix", "delimiter", "encoding-type", "max-keys", "start-after", "continuation-token",
}  # fmt: skip
_WRITES: dict[str, tuple[set[str], ...]] = {
    "PUT": (set(), {"partNumber", "uploadId"}),
    "POST": ({"uploads"}, {"uploadId"}),
    "DELETE": (set(), {"uploadId"}),
}
"""What a change may have in its query."""
_UPLOAD = re.compile(r"[A-Za-z0-9_~=+-][A-Za-z0-9._~=+-]{0,1023}")
"""The id of a multipart upload: some servers join it to a path unread, so it must be none."""
_PART = re.compile(r"[1-9][0-9]{0,4}")


class Denied(Exception):
    """The request is none that this job may make; the message says why."""


@dataclass(frozen=True)
class S3Request:
    """What a job asks for.

    Attributes:
        method: of HTTP.
        bucket: asked for.
        key: whole key in the bucket; "" asks for the bucket itself.
        query: parameters but those of a signature.
    """

    method: str
    bucket: str
    key: str
    query: dict[str, str]

    @classmethod
    def parse(cls, method: str, target: str) -> S3Request:
        """Of a request line in the path style. What is checked is what is passed on: nothing of it is kept encoded.

        Raises:
            Denied: it has no form that our own store's requests have.
        """
        path, _, rest = target.partition("?")
        bucket, _, key = unquote(path).removeprefix("/").partition("/")
        pairs = [pair for pair in parse_qsl(rest, keep_blank_values=True) if not pair[0].lower().startswith("x-amz-")]
        query = dict(pairs)
        if len(query) != len(pairs):
            raise Denied("a parameter is given twice")
        if not _UPLOAD.fullmatch(query.get("uploadId", "-")) or ".." in query.get("uploadId", ""):
            raise Denied("the id of the upload is none that a server gives")
        if not _PART.fullmatch(query.get("partNumber", "1")):
            raise Denied("the number of the part is none")
        *folders, last = query.get("prefix", "").split("/")
        try:  # part by part: a bucket's prefix and a key of ours may be longer together than either may be
            for part in (*key.split("/"), *folders) if key else folders:
                check_key(part)
            check_prefix(last)
        except StoreError as error:
            raise Denied(str(error)) from None
        return cls(method, bucket, key, query)


def check(request: S3Request, granted: Access) -> None:
    """Raise `Denied` unless the job may make this request."""
    uri = f"s3://{request.bucket}/{request.key}"
    names = set(request.query)
    if not request.key:
        allowed = (
            request.method == "GET"
            and request.query.get("list-type") == "2"
            and names <= _LISTING
            and granted.may_list(uri + request.query.get("prefix", ""))
        )
    elif request.method in ("GET", "HEAD"):
        allowed = not names and granted.may_read(uri)
    else:
        allowed = names in _WRITES.get(request.method, ()) and granted.may_write(uri)
    if not allowed:
        raise Denied("the specification of this job does not grant it")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until killed."""
    from galley.runtimes.gate_server import GateServer
    from galley.storage.minio import connect
    from galley.worker.__main__ import load_job

    parser = argparse.ArgumentParser("python -m galley.runtimes.gate", description="Let one job into its S3 store.")
    parser.add_argument("--job", required=True, metavar="URI", help="the job's specification, job.json in the store")
    parser.add_argument("--socket", required=True, metavar="PATH", help="where to listen; what is there is replaced")
    options = parser.parse_args(argv)
    settings = Settings()
    zones = Zones.from_settings(settings)

    def grants() -> Access:
        return access(load_job(zones, options.job), options.job, zones, None)

    with GateServer(options.socket, connect(settings), grants) as server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
