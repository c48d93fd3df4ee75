from __future__ import annotations

import ssl

import pytest
from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError, SSLError

from galley.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable, WriteUnknown
from galley.storage.s3_errors import explain
from galley.storage.s3_transport import NoAnswer, Refused, refused

ENDPOINT = "http://127.0.0.1:9000"
URL = "http://127.0.0.1/k?X-Amz-Signature=hunter2"


def meant(error: Refused | NoAnswer, *, writing: bool = False) -> StoreError:
    return explain(error, "writing s3://bucket/a/key", "bucket", ENDPOINT, writing=writing)


@pytest.mark.parametrize(
    ("status", "code", "reading", "writing"),
    [
        (404, "NoSuchKey", ObjectNotFound, ObjectNotFound),
        (404, "", ObjectNotFound, ObjectNotFound),
        (404, "NoSuchBucket", StoreError, StoreError),
        (404, "NoSuchUpload", StoreUnavailable, StoreUnavailable),
        (409, "ConditionalRequestConflict", StoreUnavailable, StoreUnavailable),
        (409, "ObjectParentIsFile", StoreError, StoreError),
        (412, "PreconditionFailed", ObjectExists, ObjectExists),
        (429, "", StoreUnavailable, StoreUnavailable),
        (400, "BadDigest", StoreUnavailable, StoreUnavailable),
        (403, "AccessDenied", StoreError, StoreError),
        (500, "InternalError", StoreUnavailable, WriteUnknown),
        (502, "", StoreUnavailable, WriteUnknown),
        (503, "SlowDown", StoreUnavailable, StoreUnavailable),
        (503, "", StoreUnavailable, WriteUnknown),
        (501, "NotImplemented", StoreError, StoreError),
    ],
)
def test_what_an_answer_means(status: int, code: str, reading: type, writing: type) -> None:
    assert type(meant(Refused(status, code))) is reading
    found = meant(Refused(status, code), writing=True)
    assert type(found) is writing and "s3://bucket/a/key" in str(found)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (Refused(403, "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
        (Refused(403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
        (Refused(403, "ExpiredToken"), "AWS_SESSION_TOKEN"),
        (Refused(403, "InvalidTokenId"), "AWS_SESSION_TOKEN"),
        (Refused(403, ""), "AWS_ACCESS_KEY_ID"),
        (Refused(400, ""), "AWS_SESSION_TOKEN"),
        (Refused(400, "", region="eu-west-1"), "AWS_SESSION_TOKEN.*GALLEY_S3_REGION=eu-west-1"),
        (Refused(403, "AccessDenied"), "policy"),
        (Refused(403, "RequestTimeTooSkewed"), "clock"),
        (Refused(403, "AccessDenied", skew=-4000.0), r"clock .* by 4000 s"),
        (Refused(404, "NoSuchBucket"), "bucket 'bucket' is not there"),
        (Refused(301, "PermanentRedirect", region="eu-west-1"), "GALLEY_S3_REGION=eu-west-1"),
        (Refused(400, "AuthorizationHeaderMalformed", region="eu-west-1"), "GALLEY_S3_REGION=eu-west-1"),
        (NoAnswer(SSLError(ssl.SSLCertVerificationError("self-signed"))), "SSL_CERT_FILE"),
        (NoAnswer(NewConnectionError(None, "refused")), "GALLEY_S3_ENDPOINT_URL"),  # type: ignore[arg-type]
    ],
)
def test_what_mends_it(error: Refused | NoAnswer, remedy: str) -> None:
    found = meant(error)
    assert not isinstance(found, ObjectNotFound)
    with pytest.raises(StoreError, match=remedy):
        raise found
    assert ENDPOINT in str(found)


def test_silence() -> None:
    for lost in (ProtocolError(URL), ReadTimeoutError(None, URL, URL), SSLError(ssl.SSLEOFError(URL))):  # type: ignore[arg-type]
        assert type(meant(NoAnswer(lost))) is StoreUnavailable
        assert type(meant(NoAnswer(lost), writing=True)) is WriteUnknown
        assert "hunter2" not in str(meant(NoAnswer(lost)))
    never = NewConnectionError(None, URL)  # type: ignore[arg-type]
    assert type(meant(NoAnswer(never), writing=True)) is StoreUnavailable
    assert "hunter2" not in str(meant(NoAnswer(never)))


def test_of_an_answer_only_code_and_message_are_taken() -> None:
    body = b"""<?xml version="1.0"?><Error xmlns="http://s3"><Code>SignatureDoesNotMatch</Code><Message>no</Message>
    <AWSAccessKeyId>AKIA-hunter2</AWSAccessKeyId><StringToSign>hunter2</StringToSign></Error>"""
    error = refused(403, {"date": "Thu, 01 Jan 1970 00:00:00 GMT"}, body)
    assert (error.code, error.message) == ("SignatureDoesNotMatch", "no") and error.skew > 1e9
    assert "hunter2" not in str(meant(error))
    for body in (b"", b"<html>502 Bad Gateway", b"\xff\xfe"):
        assert refused(502, {}, body).code == ""
