"""Makes the stack's buckets, their rules and users on a MinIO; changes nothing that is right: ``python buckets.py``.

From the environment: ``S3_ENDPOINT`` (host:port), ``S3_ROOT_USER``, ``S3_ROOT_PASSWORD`` and, for each user,
``S3_<NAME>_PASSWORD``. With ``S3_SERVER`` other than ``minio`` it makes buckets and nothing else.

    airflow     the stack's own: all objects of the four buckets, and nothing of the server
    depositor   puts request files into the inbox, and cannot read or list there
    worker      reads runs, and writes below the jobs of runs
    publisher   reads runs, writes quarantine and published and below the jobs of runs
    reader      reads what is published

A container's job needs none of them: its gate narrows the stack's own keys down to what the job's specification names.
"""

from __future__ import annotations

import os
from typing import Any

from minio import Minio, MinioAdmin
from minio.commonconfig import ENABLED, Filter
from minio.credentials import StaticProvider
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, NoncurrentVersionExpiration, Rule
from minio.versioningconfig import VersioningConfig

BUCKETS = ("inbox", "work", "quarantine", "published")
KEPT_DAYS = 30
"""How long an object that was replaced or deleted can be had back."""
JOBS = "arn:aws:s3:::galley-work/runs/*/jobs/*"
_LOOK = ["s3:GetBucketLocation", "s3:ListBucket"]
_WRITE = ["s3:PutObject", "s3:AbortMultipartUpload"]


def _allow(actions: list[str], *resources: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def _objects(*buckets: str) -> list[str]:
    return [f"arn:aws:s3:::galley-{bucket}/*" for bucket in buckets]


def _buckets(*buckets: str) -> list[str]:
    return [f"arn:aws:s3:::galley-{bucket}" for bucket in buckets]


USERS = {
    "airflow": [
        _allow([*_LOOK, "s3:ListBucketMultipartUploads", "s3:ListenBucketNotification"], *_buckets(*BUCKETS)),
        _allow([*_WRITE, "s3:GetObject", "s3:DeleteObject"], *_objects(*BUCKETS)),
    ],
    "depositor": [_allow(["s3:GetBucketLocation"], *_buckets("inbox")), _allow(_WRITE, *_objects("inbox"))],
    "worker": [_allow(_LOOK, *_buckets("work")), _allow(["s3:GetObject"], *_objects("work")), _allow(_WRITE, JOBS)],
    "publisher": [
        _allow(_LOOK, *_buckets("work", "quarantine", "published")),
        _allow(["s3:GetObject"], *_objects("work", "quarantine", "published")),
        _allow(_WRITE, *_objects("quarantine", "published"), JOBS),
    ],
    "reader": [_allow(_LOOK, *_buckets("published")), _allow(["s3:GetObject"], *_objects("published"))],
}
"""Statements of each user's policy."""


def make_buckets(client: Minio) -> None:
    """The four."""
    for bucket in BUCKETS:
        if not client.bucket_exists(f"galley-{bucket}"):
            client.make_bucket(f"galley-{bucket}")


def keep_versions(client: Minio) -> None:
    """What was replaced can be had back for a month; what was never finished goes after a day."""
    rules = LifecycleConfig(
        [
            Rule(
                ENABLED,
                rule_filter=Filter(prefix=""),
                rule_id="galley",
                noncurrent_version_expiration=NoncurrentVersionExpiration(noncurrent_days=KEPT_DAYS),
                abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=1),
            )
        ]
    )
    for bucket in BUCKETS:
        client.set_bucket_versioning(f"galley-{bucket}", VersioningConfig(ENABLED))
        client.set_bucket_lifecycle(f"galley-{bucket}", rules)


def make_users(admin: MinioAdmin, passwords: dict[str, str]) -> None:
    """The users, each with its own policy of the same name; passwords become those given."""
    for name, statements in USERS.items():
        admin.policy_add(f"galley-{name}", policy={"Version": "2012-10-17", "Statement": statements})
        admin.user_add(f"galley-{name}", passwords[name])
        admin.policy_set(f"galley-{name}", user=f"galley-{name}")


def main() -> None:
    """As the module says."""
    given = os.environ
    root = StaticProvider(given["S3_ROOT_USER"], given["S3_ROOT_PASSWORD"])
    client = Minio(given["S3_ENDPOINT"], credentials=root, secure=False)
    make_buckets(client)
    if given.get("S3_SERVER", "minio") == "minio":
        keep_versions(client)
        admin = MinioAdmin(endpoint=given["S3_ENDPOINT"], credentials=root, secure=False)
        make_users(admin, {name: given[f"S3_{name.upper()}_PASSWORD"] for name in USERS})


if __name__ == "__main__":
    main()
