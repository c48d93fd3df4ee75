"""What a refusal of an S3 server means: which error of Galley's it is, and what mends it."""

from __future__ import annotations

from galley.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable, WriteUnknown
from galley.storage.s3_transport import NoAnswer, Refused

MAX_SKEW = 300.0
"""Seconds by which clocks may differ before we name that as the reason; servers allow 900."""
_NOT_DONE = {
    "BadDigest", "IncompleteBody", "RequestTimeout", "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable",
    "TooManyRequests", "Throttling", "ThrottlingException", "ConditionalRequestConflict", "OperationAborted",
    "NoSuchUpload", "InvalidPart", "XMinioServerNotInitialized",
}  # fmt: skip
"""Codes of requests that certainly did nothing and may do better next time."""
_CLOCK = {"RequestTimeTooSkewed", "RequestExpired", "RequestNotReadyYet"}
_KEYS = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "InvalidClientTokenId",
    "InvalidTokenId", "XAdminUserNotFound",
}  # fmt: skip
_CHECK_KEYS = (
    "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, with temporary keys, AWS_SESSION_TOKEN, which may have "
    "expired; or the credentials file"
)


def explain(error: Refused | NoAnswer, doing: str, bucket: str, endpoint: str, *, writing: bool = False) -> StoreError:
    """The error to raise.

    Args:
        error: what the transport said.
        doing: operation and URI, such as ``reading s3://bucket/key``.
        bucket: asked for.
        endpoint: URL of the server.
        writing: whether a server error leaves it open if something was written.
    """
    if isinstance(error, NoAnswer):
        return _unanswered(error, doing, endpoint, writing=writing)
    what = f"{doing}: {endpoint} answered {error}"
    code = error.code
    match error.status:
        case 404 if code == "NoSuchBucket":
            return StoreError(f"{what}; bucket {bucket!r} is not there: make it, or correct the zone's URL")
        case 404 if code in ("", "NoSuchKey"):
            return ObjectNotFound(f"{doing}: there is no such object")
        case 412:
            return ObjectExists(f"{doing}: it is there already")
        case 408 | 429:
            return StoreUnavailable(what)
        case _ if code in _NOT_DONE:
            return StoreUnavailable(what)
        case status if status >= 500 and status != 501:
            return WriteUnknown(what) if writing else StoreUnavailable(what)
    return StoreError(f"{what}; {_remedy(error, bucket)}")


def _unanswered(error: NoAnswer, doing: str, endpoint: str, *, writing: bool) -> StoreError:
    if error.untrusted:
        return StoreError(
            f"{doing}: the certificate of {endpoint} is not trusted; name the file of its authority in SSL_CERT_FILE"
        )
    what = f"{doing}: {endpoint}: {error}"
    if not error.sent:
        return StoreUnavailable(f"{what}; is the server up, and GALLEY_S3_ENDPOINT_URL right?")
    return WriteUnknown(what) if writing else StoreUnavailable(what)


def skewed(error: Refused) -> bool:
    """Whether the clocks are why."""
    return error.code in _CLOCK or (error.status in (400, 403) and abs(error.skew) > MAX_SKEW)


def _remedy(error: Refused, bucket: str) -> str:
    if skewed(error):
        by = f"; it differs from the server's by {abs(error.skew):.0f} s" if abs(error.skew) > 1 else ""
        return f"the clock of this machine is wrong{by}: set it (NTP)"
    if error.code in _KEYS:
        return _CHECK_KEYS
    region = f"the bucket is in region {error.region}: set GALLEY_S3_REGION={error.region}" if error.region else ""
    if error.status == 400 and not error.code:  # of a HEAD no server says more
        return "; or ".join(filter(None, (_CHECK_KEYS, region)))
    if region and error.status in (301, 307, 400):
        return region
    if error.status in (401, 403) and not error.code:
        return f"{_CHECK_KEYS}, and that their policy allows this in bucket {bucket!r}"
    if error.status in (401, 403):
        return f"these credentials may not do this in bucket {bucket!r}: extend their policy, or use others"
    if error.status in (301, 307):
        return "the bucket is elsewhere: correct GALLEY_S3_ENDPOINT_URL and GALLEY_S3_REGION"
    return "trying again will not help"
