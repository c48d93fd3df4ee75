from __future__ import annotations

import pytest

from galley.errors import StoreError
from galley.storage import canonical_url
from galley.storage.s3_url import S3Location, check_endpoint


@pytest.mark.parametrize(
    ("url", "bucket", "prefix", "canonical"),
    [
        ("s3://galley", "galley", "", "s3://galley"),
        ("s3://galley/", "galley", "", "s3://galley"),
        ("s3://a.b-1/x/y/", "a.b-1", "x/y/", "s3://a.b-1/x/y"),
    ],
)
def test_places(url: str, bucket: str, prefix: str, canonical: str) -> None:
    location = S3Location.parse(url)
    assert (location.bucket, location.prefix, location.url) == (bucket, prefix, canonical)
    assert canonical_url(url) == canonical and S3Location.parse(canonical) == location


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3:///x", "s3://ab", "s3://Upper/x", "s3://a..b/x", "s3://b_c/x", "s3://bucket:9000/x", "s3://bucket/a?b",
     "s3://bucket/a#b", "s3://bucket/../x", "s3://bucket/a//b", "s3://bucket/a b", "s3://bucket/é", "s3://[::1/x",
     "s3://bucket/" + "x/" * 300],
)  # fmt: skip
def test_urls_that_name_no_place(url: str) -> None:
    with pytest.raises(StoreError):
        S3Location.parse(url)


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    for url in ("s3://user:hunter2@bucket/x", "s3://hunter2@bucket/x"):
        with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID") as caught:
            canonical_url(url)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(StoreError, match="without credentials") as caught:
        check_endpoint("http://user:hunter2@127.0.0.1:9000")
    assert "hunter2" not in str(caught.value)


def test_endpoints() -> None:
    assert check_endpoint("http://127.0.0.1:9000") == ("127.0.0.1:9000", False)
    assert check_endpoint("https://s3.example.org/") == ("s3.example.org", True)
    for url in ("127.0.0.1:9000", "ftp://host", "http://", "http://host/path", "https://host?x", "file:///etc"):
        with pytest.raises(StoreError, match="GALLEY_S3_ENDPOINT_URL"):
            check_endpoint(url)
